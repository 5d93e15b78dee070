using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>
/// The rows of a batch, each with a random stream of its own, so that a sample depends on its seed and class alone. Batches
/// always have <see cref="Chunk"/> rows, because kernels may round differently for other sizes; the rows beyond the seeds
/// are zeros and their results are dropped.
/// </summary>
internal sealed class SeededRows
{
    /// <summary>Rows of every network call.</summary>
    internal const int Chunk = 32;

    private readonly ulong[] _seeds;
    private readonly long[] _shape;
    private ulong _drawn; // draw 0 is what an image starts from, the next are what a sampler of several steps adds

    internal SeededRows(Denoiser network, IEnumerable<ulong> seeds)
    {
        _shape = [.. network.SampleShape];
        _seeds = [.. seeds];
    }

    /// <summary>The next standard normal noise of every row's stream. [seeds,…]</summary>
    internal Tensor Noise(Device device)
    {
        var noise = Philox.Normal(_seeds, _shape, _drawn++);
        return HostTransfer.IsRemote(device) ? HostTransfer.Start(HostTransfer.Stage(noise, device), device) : noise;
    }

    /// <summary>
    /// Samples [N,…], one a seed: <paramref name="sample"/> gets a source of noise and one-hot classes (or null), batch by batch.
    /// <paramref name="labels"/> has one class per seed, or is null for none.
    /// </summary>
    /// <exception cref="ArgumentException">A class is out of range, or the counts differ.</exception>
    internal static Tensor Draw(
        Denoiser network,
        Device device,
        IReadOnlyList<ulong> seeds,
        IReadOnlyList<int>? labels,
        Func<Func<Tensor>, Tensor?, Tensor> sample
    ) =>
        InChunks(
            network,
            device,
            seeds.Count,
            labels,
            (from, count, oneHot) =>
            {
                var rows = new SeededRows(network, seeds.Skip(from).Take(count));
                return sample(() => Filled(rows.Noise(device)), oneHot);
            }
        );

    /// <summary>The same where the noise is given, [N,…]; it serves for one call of the network.</summary>
    internal static Tensor Draw(
        Denoiser network,
        Device device,
        Tensor noise,
        IReadOnlyList<int>? labels,
        Func<Func<Tensor>, Tensor?, Tensor> sample
    ) =>
        InChunks(
            network,
            device,
            (int)noise.size(0),
            labels,
            (from, count, oneHot) =>
            {
                Tensor? given = Filled(noise.narrow(0, from, count));
                return sample(
                    () =>
                        Interlocked.Exchange(ref given, null)
                        ?? throw new InvalidOperationException(
                            "This sampler adds noise on its way, which seeds have and a given noise has not."
                        ),
                    oneHot
                );
            }
        );

    // without gradients and dropout
    private static Tensor InChunks(
        Denoiser network,
        Device device,
        int samples,
        IReadOnlyList<int>? labels,
        Func<int, int, Tensor?, Tensor> draw
    )
    {
        Check(network, samples, labels);
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var training = network.training;
        if (training)
        {
            network.eval();
        }
        try
        {
            var parts = new List<Tensor>();
            for (var from = 0; from < samples; from += Chunk)
            {
                using var inner = torch.NewDisposeScope();
                var count = Math.Min(Chunk, samples - from);
                parts.Add(inner.MoveToOuter(draw(from, count, OneHot(network, device, labels, from, count)).narrow(0, 0, count).clone()));
            }
            return scope.MoveToOuter(torch.cat([.. parts]));
        }
        finally
        {
            if (training)
            {
                network.train();
            }
        }
    }

    private static Tensor Filled(Tensor rows)
    {
        var missing = Chunk - rows.size(0);
        return missing == 0 ? rows : torch.cat([rows, torch.zeros([missing, .. rows.shape[1..]], device: rows.device)]);
    }

    private static void Check(Denoiser network, int samples, IReadOnlyList<int>? labels)
    {
        if (samples == 0)
        {
            throw new ArgumentException("Nothing is asked for: there is not one seed.", nameof(samples));
        }
        if (labels is null)
        {
            return;
        }
        if (network.Classes == 0)
        {
            throw new ArgumentException("This network has no classes; leave the labels out.", nameof(labels));
        }
        if (labels.Count != samples)
        {
            throw new ArgumentException($"{labels.Count} labels for {samples} samples; give one each.", nameof(labels));
        }
        foreach (var label in labels)
        {
            if (label < 0 || label >= network.Classes)
            {
                throw new ArgumentException(
                    $"Class {label} does not exist; this network has the classes 0 to {network.Classes - 1}.",
                    nameof(labels)
                );
            }
        }
    }

    private static Tensor? OneHot(Denoiser network, Device device, IReadOnlyList<int>? labels, int from, int count)
    {
        if (labels is null)
        {
            return null;
        }
        var rows = new float[Chunk * network.Classes];
        for (var k = 0; k < Chunk; k++)
        {
            rows[(k * network.Classes) + (k < count ? labels[from + k] : 0)] = 1;
        }
        return Tensors.Of(rows, [Chunk, network.Classes], device);
    }
}
