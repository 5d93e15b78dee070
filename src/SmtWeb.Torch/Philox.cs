using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Random numbers that anybody can compute again: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)
/// with the whole 64-bit seed as its key. A number is a function of the seed, the draw and its place alone, so it does not depend on the
/// device, the batch, the threads or libtorch's version. docs/generation-noise.md writes the layout down for clients in other languages.
/// </summary>
/// <remarks>
/// libtorch's own generator takes 32 bits of a seed, on CPUs another algorithm than on GPUs, and an order that may change.
/// </remarks>
public static class Philox
{
    private const int Rounds = 10;
    private const double Scale = 1.0 / (1L << 32);
    private const int WorthThreads = 1 << 16;

    /// <summary>The four words of one counter (four words, the lowest first) under a key of two (the low one first).</summary>
    public static (uint W0, uint W1, uint W2, uint W3) Words((uint C0, uint C1, uint C2, uint C3) counter, (uint K0, uint K1) key)
    {
        var (c0, c1, c2, c3) = counter;
        var (k0, k1) = key;
        for (var round = 0; round < Rounds; round++)
        {
            var p0 = 0xD2511F53UL * c0;
            var p1 = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 = unchecked(k0 + 0x9E3779B9U);
            k1 = unchecked(k1 + 0xBB67AE85U);
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>
    /// Fills <paramref name="row"/> with the standard normal numbers of draw number <paramref name="draw"/> of <paramref name="seed"/>.
    /// A shorter row is the beginning of a longer one.
    /// </summary>
    public static void Normal(Span<float> row, ulong seed, ulong draw)
    {
        var key = ((uint)seed, (uint)(seed >> 32));
        Span<float> four = stackalloc float[4];
        for (var start = 0; start < row.Length; start += 4)
        {
            // the draw is the high half of the counter: no two draws of a seed share a block
            var block = (uint)(start / 4);
            var (w0, w1, w2, w3) = Words((block, 0, (uint)draw, (uint)(draw >> 32)), key);
            (four[0], four[1]) = BoxMuller(w0, w1);
            (four[2], four[3]) = BoxMuller(w2, w3);
            four[..Math.Min(4, row.Length - start)].CopyTo(row[start..]);
        }
    }

    /// <summary>
    /// Fills <paramref name="rows"/>, float32 [seeds,…] on the CPU and dense, with draw number <paramref name="draw"/> of each row's seed.
    /// </summary>
    /// <exception cref="ArgumentException">It is of another kind, or the numbers of rows and seeds differ.</exception>
    public static unsafe void Normal(Tensor rows, IReadOnlyList<ulong> seeds, ulong draw)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(seeds);
        if (rows.dtype != ScalarType.Float32 || rows.device_type != DeviceType.CPU || !rows.is_contiguous())
        {
            throw new ArgumentException(
                $"Noise is drawn into dense float32 tensors on the CPU, not into {rows.dtype} on {rows.device_type}; draw there and "
                    + "move it.",
                nameof(rows)
            );
        }
        if (rows.dim() == 0 || rows.shape[0] != seeds.Count)
        {
            throw new ArgumentException(
                $"{seeds.Count} seeds for a tensor of shape [{string.Join(',', rows.shape)}]; give each of its rows one.",
                nameof(seeds)
            );
        }
        if (rows.NumberOfElements == 0)
        {
            return;
        }
        var length = checked((int)(rows.NumberOfElements / seeds.Count));
        var data = (nint)LibTorch.Data(rows.Handle);
        void Row(int k) => Normal(new Span<float>((float*)data + ((long)k * length), length), seeds[k], draw);
        if (rows.NumberOfElements < WorthThreads || TorchRuntime.Threads == 1)
        {
            for (var k = 0; k < seeds.Count; k++)
            {
                Row(k);
            }
        }
        else
        {
            Parallel.For(0, seeds.Count, new ParallelOptions { MaxDegreeOfParallelism = TorchRuntime.Threads }, Row);
        }
        GC.KeepAlive(rows);
    }

    /// <summary>
    /// Draw number <paramref name="draw"/> of each seed, a row of <paramref name="shape"/> each. float32 [seeds,…] on the CPU
    /// </summary>
    public static Tensor Normal(IReadOnlyList<ulong> seeds, ReadOnlySpan<long> shape, ulong draw)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        using var none = no_grad();
        var rows = empty([seeds.Count, .. shape], ScalarType.Float32);
        Normal(rows, seeds, draw);
        return rows;
    }

    // Box and Muller (1958) in double. The middles of 2^32 intervals are uniform in (0, 1): neither the logarithm of 0 nor a radius of 0.
    private static (float, float) BoxMuller(uint radius, uint angle)
    {
        var r = Math.Sqrt(-2 * Math.Log((radius + 0.5) * Scale));
        var (sin, cos) = Math.SinCos(2 * Math.PI * ((angle + 0.5) * Scale));
        return ((float)(r * cos), (float)(r * sin));
    }
}
