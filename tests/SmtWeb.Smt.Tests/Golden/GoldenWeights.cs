using System.Text.Json;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The formula weights of tests/golden/README.md ("Formula weights").</summary>
public static class GoldenWeights
{
    /// <summary>r of the formula: exact in float32, in [-1, 1).</summary>
    public static float Unit(uint seed, uint i)
    {
        unchecked
        {
            var x = (i * 0x9E3779B1u) + seed;
            x ^= x >> 16;
            x *= 0x7FEB352Du;
            x ^= x >> 15;
            x *= 0x846CA68Bu;
            x ^= x >> 16;
            return ((int)(x >> 8) - (1 << 23)) * (1f / (1 << 23));
        }
    }

    /// <summary>The tensors of a weights.json, in its order.</summary>
    public static IReadOnlyList<GoldenTensor> FromFormula(string path) => [.. EachFromFormula(path)];

    /// <summary><see cref="FromFormula(string)"/>, one at a time.</summary>
    public static IEnumerable<GoldenTensor> EachFromFormula(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        foreach (var entry in document.RootElement.GetProperty("tensors").EnumerateArray())
        {
            yield return FromFormula(entry);
        }
    }

    private static GoldenTensor FromFormula(JsonElement entry)
    {
        var name = entry.GetProperty("name").GetString()!;
        var type = Enum.Parse<SafetensorsType>(entry.GetProperty("dtype").GetString()!);
        long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];
        var count = (int)shape.Aggregate(1L, (n, side) => n * side);
        if (type == SafetensorsType.I64)
        {
            return new GoldenTensor(name, type, shape, new byte[count * 8]);
        }

        var values = new float[count];
        if (entry.TryGetProperty("const", out var constant))
        {
            Array.Fill(values, constant.GetSingle());
        }
        else
        {
            var seed = entry.GetProperty("seed").GetUInt32();
            var offset = entry.GetProperty("offset").GetSingle();
            var scale = entry.GetProperty("scale").GetSingle();

            // One rounded product, one rounded sum: the casts forbid wider intermediates.
            for (var i = 0; i < count; i++)
            {
                values[i] = (float)(offset + (float)(scale * Unit(seed, (uint)i)));
            }
        }

        var bytes = new byte[count * 4];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return new GoldenTensor(name, type, shape, bytes);
    }
}
