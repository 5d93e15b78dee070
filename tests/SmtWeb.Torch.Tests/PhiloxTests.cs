using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

[Collection("Tensors")]
public sealed partial class PhiloxTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Source.Root, "docs", "generation-noise.md"));

    [Theory]
    // the known answers that the authors publish with their Random123
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(
        0x243f6a88u,
        0x85a308d3u,
        0x13198a2eu,
        0x03707344u,
        0xa4093822u,
        0x299f31d0u,
        0xd16cfe09u,
        0x94fdccebu,
        0x5001e420u,
        0x24126ea1u
    )]
    public void Words_KnownAnswers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), Philox.Words((c0, c1, c2, c3), (k0, k1)));

    [Fact]
    public void Normal_TheNumbersOfTheDocumentation()
    {
        var rows = TableRow().Matches(Page);
        Assert.Equal(7, rows.Count);
        foreach (Match row in rows)
        {
            var expected = row.Groups[3].Value.Split(", ").Select(x => float.Parse(x, CultureInfo.InvariantCulture)).ToArray();
            var z = new float[expected.Length];
            Philox.Normal(
                z,
                ulong.Parse(row.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
                ulong.Parse(row.Groups[2].ValueSpan, CultureInfo.InvariantCulture)
            );
            Assert.Equal(expected, z);
        }
    }

    [Fact]
    public void Normal_TheDocumentedPython_MakesTheSame()
    {
        Assert.SkipUnless(Run("python3", "--version", "", out _), "There is no python3 on this machine.");
        var program =
            PythonBlock().Match(Page).Groups[1].Value
            + "for seed, draw in ((0x0123456789abcdef, 0), (2**63, 3), (5, 2**33 + 1)):\n    print(' '.join(repr(z) for z in "
            + "noise(seed, 1001, draw)))\n";
        Assert.True(Run("python3", "-", program, out var output), output);
        var lines = output.Trim().Split('\n');
        (ulong Seed, ulong Draw)[] asked = [(0x0123456789abcdef, 0), (1UL << 63, 3), (5, (1UL << 33) + 1)];
        for (var k = 0; k < asked.Length; k++)
        {
            var expected = lines[k].Split(' ').Select(x => (float)double.Parse(x, CultureInfo.InvariantCulture)).ToArray();
            var z = new float[1001];
            Philox.Normal(z, asked[k].Seed, asked[k].Draw);
            for (var n = 0; n < z.Length; n++)
            {
                Assert.InRange(z[n], MathF.BitDecrement(expected[n]), MathF.BitIncrement(expected[n]));
            }
            Assert.True(z.Zip(expected).Count(p => p.First != p.Second) <= 1);
        }
    }

    [Fact]
    public void Normal_SeedsThatDifferInTheHighHalf_DifferInEveryNumber()
    {
        float[] a = new float[64],
            b = new float[64];
        Philox.Normal(a, 7, 0);
        Philox.Normal(b, 7 + (1UL << 32), 0);
        Assert.DoesNotContain(a.Zip(b), p => p.First == p.Second);
    }

    [Fact]
    public void Normal_AnyBatchAndThreads_TheRowsOfTheirSeeds()
    {
        using var scope = NewDisposeScope();
        ulong[] seeds = [.. Enumerable.Range(0, 40).Select(k => (ulong)k * 0x9E3779B97F4A7C15)];
        var threads = TorchRuntime.Threads;
        try
        {
            TorchRuntime.Threads = 1;
            var alone = Philox.Normal(seeds, [3, 17, 19], 2).ToArray<float>();
            TorchRuntime.Threads = 4;
            Assert.Equal(alone, Philox.Normal(seeds, [3, 17, 19], 2).ToArray<float>());
            for (var k = 0; k < seeds.Length; k++)
            {
                var row = new float[3 * 17 * 19];
                Philox.Normal(row, seeds[k], 2);
                Assert.Equal(row, alone[(k * row.Length)..((k + 1) * row.Length)]);
            }
        }
        finally
        {
            TorchRuntime.Threads = threads;
        }
    }

    [Fact]
    public void Normal_AMillionNumbers_AreStandardNormalAndIndependent()
    {
        var z = new float[1 << 20];
        Philox.Normal(z, 2026, 0);
        var n = (double)z.Length;
        // each bound is 5 standard deviations of the estimate
        Assert.InRange(z.Average(x => (double)x), -5 / Math.Sqrt(n), 5 / Math.Sqrt(n));
        Assert.InRange(z.Average(x => (double)x * x), 1 - 5 * Math.Sqrt(2 / n), 1 + 5 * Math.Sqrt(2 / n));
        Assert.InRange(z.Average(x => Math.Pow(x, 4)), 3 - 5 * Math.Sqrt(96 / n), 3 + 5 * Math.Sqrt(96 / n));
        for (var lag = 1; lag <= 4; lag++)
        {
            var product = 0.0;
            for (var k = lag; k < z.Length; k++)
            {
                product += (double)z[k] * z[k - lag];
            }
            Assert.InRange(product / n, -5 / Math.Sqrt(n), 5 / Math.Sqrt(n));
        }
        // Kolmogorov and Smirnov: the distance to the normal distribution function stays below the 99.99 % point
        Array.Sort(z);
        var distance = 0.0;
        for (var k = 0; k < z.Length; k++)
        {
            distance = Math.Max(distance, Math.Abs(NormalCdf(z[k]) - ((k + 0.5) / n)));
        }
        Assert.InRange(distance, 0, 2.23 / Math.Sqrt(n));
    }

    [Fact]
    public void Normal_WrongTensor_SaysWhatIsWrong()
    {
        using var scope = NewDisposeScope();
        Assert.Contains(
            "2 seeds for a tensor of shape [3,4]",
            Assert.Throws<ArgumentException>(() => Philox.Normal(zeros(3, 4), [1UL, 2UL], 0)).Message
        );
        Assert.Contains(
            "Float64",
            Assert.Throws<ArgumentException>(() => Philox.Normal(zeros([1, 4], ScalarType.Float64), [1UL], 0)).Message
        );
        Assert.Equal([0, 4], Philox.Normal([], [4], 0).shape);
    }

    // Abramowitz and Stegun 7.1.26: good to 1.5e-7, far below the distance that is looked for
    private static double NormalCdf(double x)
    {
        var y = Math.Abs(x) / Math.Sqrt(2);
        var t = 1 / (1 + 0.3275911 * y);
        var erf = 1 - t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.Exp(-y * y);
        return 0.5 * (1 + Math.CopySign(erf, x));
    }

    private static bool Run(string program, string arguments, string input, out string output)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true }
            )!;
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            output = e.Message;
            return false;
        }
    }

    [GeneratedRegex(@"^\| (\d+) \| (\d+) \| (-?\d[^|]*) \|$", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex("```python\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex PythonBlock();
}
