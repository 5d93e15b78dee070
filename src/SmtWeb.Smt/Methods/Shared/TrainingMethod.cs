using SmtWeb.Smt.Methods.Diffusion;
using SmtWeb.Smt.Methods.Gan;
using SmtWeb.Smt.Methods.Smd;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>A curve's next point; <paramref name="OfGenerator"/> ones come only with generator updates.</summary>
internal readonly record struct Curve(string Name, Func<double> Value, bool OfGenerator = false);

/// <summary>
/// What an iteration did: the gradient norms of its updates, of which one that is not finite left its network as it was, that of
/// the generator where the averages are to follow it, and its curves. On a GPU nobody knows the numbers yet; reading them waits.
/// </summary>
internal sealed record StepReport(IReadOnlyList<GradientNorm> Norms, GradientNorm? OfGenerator, IReadOnlyList<Curve> Curves)
{
    /// <summary>An update of the second network, and of the generator where it was its turn.</summary>
    internal static StepReport Of(GradientNorm? generator, GradientNorm other, IReadOnlyList<Curve> curves) =>
        new(generator is { } norm ? [norm, other] : [other], generator, curves);
}

/// <summary>What is trained; <paramref name="Name"/> is part of its tensors' names in a checkpoint.</summary>
internal sealed record TrainedPart(string Name, OptimizedNetwork Trained)
{
    internal FlatParameters Parameters => Trained.Parameters;

    internal AdamW Optimizer => Trained.Optimizer;
}

/// <summary>
/// The random streams of a run: initial weights and dropout, noise, small draws on the host; and which rows of every batch are
/// drawn for this process.
/// </summary>
internal sealed record RandomStreams(WeightSource Weights, NoiseStream Noise, Generator Host, BatchShare Share) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Weights.Random.Dispose();
        Noise.Dispose();
        Host.Dispose();
    }
}

/// <summary>
/// A training method at work, as the loop sees it: one iteration at a time, the networks and optimizers that a checkpoint
/// holds, and the generator that is averaged, evaluated and sampled. Each one joins a trainer, which is the mathematics, to
/// its draws, rates and curves (docs/adr/0015).
/// </summary>
internal abstract class TrainingMethod : IDisposable
{
    /// <summary>The method of a spec with fresh networks; <paramref name="teacher"/> is read by distillation alone.</summary>
    /// <exception cref="InvalidDataException">The teacher belongs to another network.</exception>
    internal static TrainingMethod Create(TrainingSpec spec, RandomStreams random, Teacher? teacher) =>
        spec.Method switch
        {
            SmtSpec smt => new SmtMethod(spec, smt, random),
            ReverseKlSpec kl => new SmtMethod(spec, kl.AsSmt(), random),
            SmdSpec smd => new SmdMethod(spec, smd, random, teacher),
            DiffusionSpec diffusion => new DiffusionMethod(spec, diffusion, random),
            GanSpec gan => new GanMethod(spec, gan.DiscriminatorUpdatesPerGeneratorUpdate, gan.FakeLabels, null, random),
            DiffusionGanSpec gan => new GanMethod(
                spec,
                gan.DiscriminatorUpdatesPerGeneratorUpdate,
                gan.FakeLabels,
                (gan.NoiseFrom, gan.NoiseTo),
                random
            ),
            _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Method, "unknown method"),
        };

    /// <summary>g_θ, or the denoiser of a diffusion run: what is averaged, evaluated and sampled.</summary>
    internal abstract Denoiser Generator { get; }

    /// <summary>Networks beside the generator, with the prefix of their tensors in a checkpoint.</summary>
    internal abstract IReadOnlyList<(string Prefix, Module Network)> Others { get; }

    /// <summary>What is trained: the generator first, then (where there is one) the score network or discriminator.</summary>
    internal abstract IReadOnlyList<TrainedPart> Parts { get; }

    /// <summary>The generator is updated every so many iterations.</summary>
    internal virtual int IterationsPerGeneratorUpdate => 1;

    /// <summary>Iteration <paramref name="k"/> of the run (0-based, warm-up included) on real samples [B,…].</summary>
    internal abstract StepReport Step(long k, Tensor x_real, Tensor? labels);

    /// <summary>The warm-up is over (at once where there is none).</summary>
    internal virtual void EndWarmup() { }

    /// <summary>Parameters of all networks, for the log.</summary>
    internal string Describe() =>
        string.Join(
            ", ",
            Others
                .Select(o => o.Network.ParameterCount())
                .Where(n => n > 0)
                .Prepend(Generator.ParameterCount())
                .Select((n, k) => k == 0 ? $"generator {n:N0}" : $"score network {n:N0}")
        ) + " parameters";

    /// <inheritdoc/>
    public abstract void Dispose();
}
