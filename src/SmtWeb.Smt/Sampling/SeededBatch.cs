using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>
/// A batch of which every row draws from a random stream of its own, so that a sample depends on its seed and class
/// alone. The batch always has <see cref="OneStepSampler.Chunk"/> rows, because kernels may round differently for other
/// sizes; the rows beyond the seeds are zeros and their results are dropped.
/// </summary>
internal sealed class SeededBatch : IDisposable
{
    private readonly Generator[] streams;
    private readonly Denoiser network;
    private readonly Device device;

    private SeededBatch(Denoiser network, Device device, IReadOnlyList<ulong> seeds, Tensor? labels)
    {
        (this.network, this.device, Labels) = (network, device, labels);
        // on the CPU, so that every device draws the same
        streams = [.. seeds.Select(seed => new Generator(seed, Device.Cpu))];
    }

    /// <summary>One-hot classes [Chunk, classes], or null.</summary>
    internal Tensor? Labels { get; }

    /// <summary>Standard normal noise [Chunk,…], the next of every row's stream; the first is that of the one-step sampler.</summary>
    internal Tensor Noise()
    {
        using var scope = torch.NewDisposeScope();
        long[] shape = [.. network.SampleShape];
        var rows = streams.Select(stream => torch.randn(shape, stream)).Concat(Enumerable.Repeat(torch.zeros(shape), OneStepSampler.Chunk - streams.Length));
        return scope.MoveToOuter(torch.stack([.. rows]).to(device));
    }

    /// <summary>
    /// Samples [N,…], one a seed, drawn by <paramref name="sample"/> batch by batch without gradients and dropout.
    /// <paramref name="labels"/> has one class per seed, or is null for none.
    /// </summary>
    /// <exception cref="ArgumentException">A class is out of range, or the counts differ.</exception>
    internal static Tensor Draw(Denoiser network, Device device, IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, Func<SeededBatch, Tensor> sample)
    {
        Check(network, seeds, labels);
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var training = network.Training;
        network.Training = false;
        try
        {
            var parts = new List<Tensor>();
            foreach (var chunk in Enumerable.Range(0, seeds.Count).Chunk(OneStepSampler.Chunk))
            {
                using var inner = torch.NewDisposeScope();
                using var batch = new SeededBatch(network, device, [.. chunk.Select(k => seeds[k])], OneHot(network, device, labels is null ? null : [.. chunk.Select(k => labels[k])]));
                parts.Add(inner.MoveToOuter(sample(batch).narrow(0, 0, chunk.Length).clone()));
            }
            return scope.MoveToOuter(torch.cat([.. parts]));
        }
        finally
        {
            network.Training = training;
        }
    }

    private static void Check(Denoiser network, IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels)
    {
        if (seeds.Count == 0) throw new ArgumentException("There are no seeds; give one per sample.", nameof(seeds));
        if (labels is null) return;
        if (network.Classes == 0) throw new ArgumentException("This network has no classes; leave the labels out.", nameof(labels));
        if (labels.Count != seeds.Count) throw new ArgumentException($"{labels.Count} labels for {seeds.Count} seeds; give one each.", nameof(labels));
        foreach (var label in labels)
            if (label < 0 || label >= network.Classes)
                throw new ArgumentException($"Class {label} does not exist; this network has the classes 0 to {network.Classes - 1}.", nameof(labels));
    }

    private static Tensor? OneHot(Denoiser network, Device device, IReadOnlyList<int>? labels)
    {
        if (labels is null) return null;
        var rows = new float[OneStepSampler.Chunk * network.Classes];
        for (var k = 0; k < OneStepSampler.Chunk; k++) rows[(k * network.Classes) + (k < labels.Count ? labels[k] : 0)] = 1;
        return torch.tensor(rows, [OneStepSampler.Chunk, network.Classes], device);
    }

    public void Dispose()
    {
        foreach (var stream in streams) stream.Dispose();
    }
}
