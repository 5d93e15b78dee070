using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>
/// Draws from a generator such that a sample depends on its seed and class alone (<see cref="SeededRows"/>); in one step
/// unless <see cref="For"/> says otherwise.
/// </summary>
public sealed class OneStepSampler
{
    private readonly Denoiser _generator;
    private readonly Device _device;
    private readonly Func<Func<Tensor>, Tensor?, Tensor> _sample;

    /// <summary>A sampler of one step.</summary>
    public OneStepSampler(Denoiser generator, Device device)
        : this(generator, device, (noise, labels) => generator.Generate(noise(), labels)) { }

    private OneStepSampler(Denoiser generator, Device device, Func<Func<Tensor>, Tensor?, Tensor> sample) =>
        (_generator, _device, _sample) = (generator, device, sample);

    /// <summary>
    /// Draws as models of a method do: in <paramref name="steps"/> steps (1, 2 or 4), or a diffusion model by its Heun
    /// sampler without added noise.
    /// </summary>
    public static OneStepSampler For(MethodSpec method, Denoiser network, Device device, int steps = 1)
    {
        if (method is DiffusionSpec diffusion)
        {
            var heun = new HeunSampler(network, new HeunOptions { Steps = diffusion.SamplerSteps });
            return new(network, device, (noise, labels) => heun.Sample(noise(), labels).to(ScalarType.Float32));
        }
        return steps == 1 ? new(network, device) : new(network, device, new FewStepSampler(network, device, steps).Sample);
    }

    /// <summary>
    /// Samples [N,…] for <paramref name="seeds"/>; <paramref name="labels"/> has one class per seed or is null.
    /// </summary>
    /// <exception cref="ArgumentException">A class is out of range, or the counts differ.</exception>
    public Tensor Draw(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels) =>
        SeededRows.Draw(_generator, _device, seeds, labels, _sample);

    /// <summary>Samples for given noise [N,…]; not in several steps, of which each draws noise of its own.</summary>
    /// <exception cref="ArgumentException">A class is out of range, or the counts differ.</exception>
    public Tensor Draw(Tensor noise, IReadOnlyList<int>? labels) => SeededRows.Draw(_generator, _device, noise, labels, _sample);

    /// <summary>
    /// Spherical interpolation between the noises of two seeds in <paramref name="steps"/> steps, both ends included.
    /// [steps,…]
    /// </summary>
    public Tensor Interpolate(ulong fromSeed, ulong toSeed, int steps)
    {
        using var scope = torch.NewDisposeScope();
        var seeded = new SeededRows(_generator, [fromSeed, toSeed]);
        var ends = seeded.Noise(_device);
        var (a, b) = (ends.narrow(0, 0, 1), ends.narrow(0, 1, 1));
        var cosine = ((a * b).sum() / (a.norm() * b.norm())).ToDouble();
        var Ω = Math.Acos(Math.Clamp(cosine, -1, 1));
        var rows = new Tensor[steps];
        for (var k = 0; k < steps; k++)
        {
            var t = steps == 1 ? 0 : k / (double)(steps - 1);
            // parallel noises (the same seed twice) have no arc between them
            rows[k] = Ω < 1e-6 ? a.clone() : a.Times(Math.Sin((1 - t) * Ω) / Math.Sin(Ω)) + b.Times(Math.Sin(t * Ω) / Math.Sin(Ω));
        }
        return scope.MoveToOuter(torch.cat(rows));
    }
}
