using SmtWeb.Smt.Diffusion;
using SmtWeb.Smt.Imaging;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>
/// Draws from a one-step generator such that a sample depends on its seed and class alone: noise comes from one
/// generator per seed, and the network always sees batches of one size, because kernels may round differently for others.
/// </summary>
public sealed class OneStepSampler(Denoiser generator, Device device, Func<Tensor, Tensor?, Tensor>? draw = null)
{
    /// <summary>Draws as models of a method do: in one step, or a diffusion model by its Heun sampler without added noise.</summary>
    public static OneStepSampler For(MethodSpec method, Denoiser network, Device device)
    {
        if (method is not DiffusionSpec diffusion) return new(network, device);
        var heun = new HeunSampler(network, new HeunOptions { Steps = diffusion.SamplerSteps });
        return new(network, device, (z, labels) => heun.Sample(z, labels).to(ScalarType.Float32));
    }

    /// <summary>Rows of every network call; missing rows are filled and dropped.</summary>
    public const int Chunk = 32;

    /// <summary>
    /// Samples [N,…] for <paramref name="seeds"/>; <paramref name="labels"/> has one class per seed or is null.
    /// </summary>
    public Tensor Draw(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(Draw(Noise(seeds), labels));
    }

    /// <summary>Samples for given noise [N,…].</summary>
    public Tensor Draw(Tensor noise, IReadOnlyList<int>? labels)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var training = generator.Training;
        generator.Training = false;
        var n = (int)noise.Size(0);
        var parts = new List<Tensor>();
        for (var from = 0; from < n; from += Chunk)
        {
            using var inner = torch.NewDisposeScope();
            var count = Math.Min(Chunk, n - from);
            var z = noise.narrow(0, from, count);
            if (count < Chunk) z = torch.cat([z, torch.zeros([Chunk - count, .. generator.SampleShape], device: device)]);
            var x = (draw ?? generator.Generate)(z, OneHot(labels, from, count)).narrow(0, 0, count).clone();
            parts.Add(inner.MoveToOuter(x));
        }
        generator.Training = training;
        return scope.MoveToOuter(torch.cat([.. parts]));
    }

    /// <summary>Noise [N,…] of the given seeds: each row from a generator of its own.</summary>
    public Tensor Noise(IReadOnlyList<ulong> seeds)
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, Device.Cpu); // on the CPU, so that every device draws the same
        var rows = new Tensor[seeds.Count];
        for (var k = 0; k < rows.Length; k++)
        {
            random.ManualSeed(seeds[k]);
            rows[k] = torch.randn([.. generator.SampleShape], random);
        }
        return scope.MoveToOuter(torch.stack(rows).to(device));
    }

    /// <summary>
    /// Spherical interpolation between the noises of two seeds in <paramref name="steps"/> steps, both ends included.
    /// [steps,…]
    /// </summary>
    public Tensor Interpolate(ulong fromSeed, ulong toSeed, int steps)
    {
        using var scope = torch.NewDisposeScope();
        var ends = Noise([fromSeed, toSeed]);
        var (a, b) = (ends.narrow(0, 0, 1), ends.narrow(0, 1, 1));
        var cosine = ((a * b).sum() / (a.norm() * b.norm())).ToDouble();
        var Ω = Math.Acos(Math.Clamp(cosine, -1, 1));
        var rows = new Tensor[steps];
        for (var k = 0; k < steps; k++)
        {
            var t = steps == 1 ? 0 : k / (double)(steps - 1);
            // parallel noises (the same seed twice) have no arc between them
            rows[k] = Ω < 1e-6 ? a.clone() : a * (Math.Sin((1 - t) * Ω) / Math.Sin(Ω)) + b * (Math.Sin(t * Ω) / Math.Sin(Ω));
        }
        return scope.MoveToOuter(torch.cat(rows));
    }

    private Tensor? OneHot(IReadOnlyList<int>? labels, int from, int count)
    {
        if (generator.Classes == 0) return null;
        var rows = new float[Chunk * generator.Classes];
        for (var k = 0; k < Chunk; k++)
            rows[k * generator.Classes + (k < count ? labels![from + k] : 0)] = 1;
        return torch.tensor(rows, [Chunk, generator.Classes], device);
    }

    /// <summary>Samples in [-1,1] as bytes, rounded to nearest as EDM does: clip(x·127.5 + 128). [N,C,H,W] → [N,H,W,C]</summary>
    public static byte[] Quantise(Tensor x)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        return Quantisation.ToBytes(x.permute(0, 2, 3, 1).ToArray<float>());
    }
}
