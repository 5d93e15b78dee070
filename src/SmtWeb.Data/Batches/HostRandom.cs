using System.Numerics;

namespace SmtWeb.Data.Batches;

/// <summary>
/// The host's random numbers: xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. The same on every machine and
/// version of .NET, and its whole state is four numbers, so that a resumed run goes on bit for bit.
/// </summary>
public sealed class HostRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15; // 2^64 / φ

    private ulong _s0,
        _s1,
        _s2,
        _s3;

    /// <summary>A generator for <paramref name="seed"/>; <paramref name="stream"/> tells apart the uses of one seed.</summary>
    public HostRandom(ulong seed, ulong stream = 0)
    {
        // Mixing the stream first makes (seed, stream) pairs unrelated, which adding it would not.
        var mixer = stream;
        mixer = seed ^ SplitMix(ref mixer);
        _s0 = SplitMix(ref mixer);
        _s1 = SplitMix(ref mixer);
        _s2 = SplitMix(ref mixer);
        _s3 = SplitMix(ref mixer);
    }

    /// <summary>The whole state, four numbers.</summary>
    /// <exception cref="ArgumentException">Set to anything but four numbers that are not all zero.</exception>
    public IReadOnlyList<long> State
    {
        get => [(long)_s0, (long)_s1, (long)_s2, (long)_s3];
        set
        {
            if (value.Count != 4 || value.All(v => v == 0))
            {
                throw new ArgumentException($"A state is four numbers, not all zero; got [{string.Join(",", value)}].", nameof(value));
            }
            (_s0, _s1, _s2, _s3) = ((ulong)value[0], (ulong)value[1], (ulong)value[2], (ulong)value[3]);
        }
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Uniform in [0,1), 53 bits.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform over 0 … <paramref name="count"/> - 1, without bias (Lemire 2019).</summary>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var product = (UInt128)NextBits() * (ulong)count;
        if ((ulong)product < (ulong)count)
        {
            var threshold = (0UL - (ulong)count) % (ulong)count;
            while ((ulong)product < threshold)
            {
                product = (UInt128)NextBits() * (ulong)count;
            }
        }

        return (int)(product >> 64);
    }

    /// <summary>Standard normal, by Box and Muller; the second value is not kept, so that the state stays four numbers.</summary>
    public double NextNormal() => Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    /// <summary>
    /// Number <paramref name="stream"/> of the SplitMix64 sequence that starts at <paramref name="seed"/>: a seed for another generator.
    /// </summary>
    public static ulong SeedOf(ulong seed, ulong stream)
    {
        var state = seed + (stream - 1) * Golden;
        return SplitMix(ref state);
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += Golden;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
