using SmtWeb.Data.Batches;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.Weights;

/// <summary>
/// 10,000 damaged variants of good files: each loads or is refused by <see cref="WeightsException"/>. Nothing crashes,
/// hangs or takes memory that the file does not have.
/// </summary>
public sealed class MutationTests
{
    private const int Variants = 10_000;
    private const long MemoryLimit = 100 << 20;

    [Fact]
    public void Open_DamagedVariants_LoadOrAreRefused()
    {
        var files = GoldenCase
            .OfKind("torch_zoo")
            .Concat(GoldenCase.OfKind("edm_pickle"))
            .Select(row => GoldenCase.Load(row.Data))
            .SelectMany(golden => golden.AuxiliaryRoles.Select(role => (Name: role, Bytes: File.ReadAllBytes(golden.AuxiliaryFile(role)))))
            .ToList();
        Assert.NotEmpty(files);

        // Small files take most of the variants: there, most bytes are structure.
        var weights = files.Select(f => 1.0 / Math.Max(1, f.Bytes.Length / 20_000)).ToList();
        int loaded = 0,
            refused = 0;
        for (var seed = 0; seed < Variants; seed++)
        {
            var random = new HostRandom((ulong)seed);
            var file = files[Choose(random, weights)];
            var damaged = Damage(file.Bytes, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var opened = WeightsFile.Open(damaged);
                foreach (var tensor in opened.Tensors)
                {
                    tensor.CopyTo(Stream.Null);
                }
                loaded++;
            }
            catch (WeightsException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"Variant {seed} of {file.Name}: {e}");
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MemoryLimit, $"Variant {seed} of {file.Name} took {allocated} bytes.");
        }

        // A damaged weight is still a weight in formats without checksums; damaged structure is not structure.
        Assert.True(loaded > 0 && refused > loaded, $"{loaded} loaded, {refused} refused");
    }

    private static int Choose(HostRandom random, List<double> weights)
    {
        var at = random.NextDouble() * weights.Sum();
        for (var k = 0; k < weights.Count - 1; k++)
        {
            if ((at -= weights[k]) < 0)
            {
                return k;
            }
        }
        return weights.Count - 1;
    }

    private static byte[] Damage(byte[] good, HostRandom random)
    {
        var bytes = good.ToList();
        // in the first half of the variants near the start or the end, where the structure is
        int Place() =>
            (random.NextInt(4), Math.Min(bytes.Count, 3000)) switch
            {
                (0, var near) => random.NextInt(near),
                (1, var near) => bytes.Count - 1 - random.NextInt(near),
                _ => random.NextInt(bytes.Count),
            };
        for (var times = 1 + random.NextInt(4); times > 0 && bytes.Count > 16; times--)
        {
            var at = Place();
            switch (random.NextInt(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.NextInt(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.NextInt(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, 1 + random.NextInt(64)));
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Range(0, 1 + random.NextInt(64)).Select(_ => (byte)random.NextInt(256)));
                    break;
                case 5:
                    // lengths: all ones, the sign bit, one more
                    for (var k = at; k < Math.Min(bytes.Count, at + (1 << random.NextInt(4))); k++)
                    {
                        bytes[k] = 0xFF;
                    }
                    break;
                default:
                    var length = Math.Min(bytes.Count - at, 1 + random.NextInt(256));
                    bytes.InsertRange(random.NextInt(bytes.Count), bytes.GetRange(at, length));
                    break;
            }
        }

        return [.. bytes];
    }
}
