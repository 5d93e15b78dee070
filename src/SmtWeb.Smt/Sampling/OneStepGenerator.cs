using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>The generator of a checkpoint, with its averaged (EMA) weights, ready to draw.</summary>
public sealed class OneStepGenerator : IOneStepGenerator
{
    private readonly Denoiser _network;
    private readonly Device _device;
    private readonly DataShape _shape;

    private OneStepGenerator(Denoiser network, TrainingSpec spec, TrainingProgress progress, Device device)
    {
        (_network, _device) = (network, device);
        (Spec, Progress) = (spec, progress);
        _shape = DataShape.Of(spec.Data);
    }

    /// <summary>What the model was trained by.</summary>
    public TrainingSpec Spec { get; }

    /// <summary>How far training had come.</summary>
    public TrainingProgress Progress { get; }

    /// <inheritdoc/>
    public long Iteration => Progress.Iteration;

    /// <summary>Channels of an image.</summary>
    public int Channels => _shape.Channels;

    /// <summary>Side of an image.</summary>
    public int Side => _shape.Side;

    /// <inheritdoc/>
    public int ClassCount => _shape.Classes;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _shape.ClassNames;

    /// <summary>The names where they are more than numbers, else empty.</summary>
    public IReadOnlyList<string> KnownClassNames => _shape.KnownNames;

    /// <inheritdoc/>
    public IReadOnlyList<int> StepChoices => GenerationSteps.Of(Spec.Method);

    /// <summary>The model draws points in the plane: use <see cref="Points"/>.</summary>
    public bool DrawsPoints => _shape.IsPoints;

    /// <summary>Loads the averaged generator of a checkpoint, read once from start to end.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or no checkpoint of SmtWeb.</exception>
    public static OneStepGenerator Load(Stream checkpoint)
    {
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        var device = Gpu.OrCpu();
        var file = CheckpointFile.Read(checkpoint, name => name.StartsWith(CheckpointFile.AveragePrefix, StringComparison.Ordinal));
        using var random = new Generator(0);
        var network = NetworkFactory.CreateGenerator(file.Spec, new WeightSource(random, device));
        try
        {
            network.LoadValues(file.Tensors.ToDictionary(t => t.Key[CheckpointFile.AveragePrefix.Length..], t => t.Value));
            network.RequireGrad(false);
            network.eval();
            return new OneStepGenerator(network, file.Spec, file.Progress, device);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public GeneratedImages Generate(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, int? steps = null)
    {
        if (DrawsPoints)
        {
            throw new NotSupportedException("This model draws points in the plane, not images.");
        }
        var classes = Labels(seeds, labels);
        using var scope = torch.NewDisposeScope();
        var pixels = Quantisation.ToPixels(Sampler(steps).Draw(seeds, classes));
        return new GeneratedImages(
            seeds.Count,
            _shape.Side,
            _shape.Side,
            _shape.Channels,
            pixels,
            seeds,
            classes ?? [.. seeds.Select(_ => -1)]
        );
    }

    /// <summary>Points of a 2-D model, one per seed.</summary>
    /// <exception cref="ArgumentException">The model does not draw in so many steps.</exception>
    public (float X, float Y)[] Points(IReadOnlyList<ulong> seeds, int? steps = null)
    {
        if (!DrawsPoints)
        {
            throw new NotSupportedException("This model draws images, not points.");
        }
        using var scope = torch.NewDisposeScope();
        var flat = Sampler(steps).Draw(seeds, null).ToArray<float>();
        return [.. Enumerable.Range(0, seeds.Count).Select(k => (flat[2 * k], flat[2 * k + 1]))];
    }

    private OneStepSampler Sampler(int? steps) =>
        GenerationSteps.Problem(StepChoices, steps) is { } problem
            ? throw new ArgumentException(problem, nameof(steps))
            : OneStepSampler.For(Spec.Method, _network, _device, steps ?? 1);

    private IReadOnlyList<int>? Labels(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels)
    {
        if (ClassCount == 0)
        {
            return labels is null
                ? null
                : throw new ArgumentException("This model has no classes; leave the class labels out.", nameof(labels));
        }
        if (labels is null)
        {
            return [.. seeds.Select(seed => (int)(seed % (ulong)ClassCount))]; // asked for alone, an image is of the same class
        }
        if (labels.Count != seeds.Count)
        {
            throw new ArgumentException($"{labels.Count} class labels for {seeds.Count} seeds; give one each.", nameof(labels));
        }
        foreach (var label in labels)
        {
            if (label < 0 || label >= ClassCount)
            {
                throw new ArgumentException(
                    $"Class {label} does not exist; this model has {ClassCount} classes, 0 to {ClassCount - 1}.",
                    nameof(labels)
                );
            }
        }
        return labels;
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();
}
