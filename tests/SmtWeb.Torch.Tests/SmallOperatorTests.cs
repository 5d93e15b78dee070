using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>
/// The operators of src/native/small.cpp against the operators of libtorch that they stand for, which also run where
/// they do not take a case themselves (float64 here).
/// </summary>
[Collection("Tensors")]
public sealed class SmallOperatorTests : IDisposable
{
    private readonly long _before;
    private readonly Generator _random = new(11);

    public SmallOperatorTests()
    {
        TorchRuntime.Initialize();
        _before = TorchRuntime.LiveTensors;
    }

    public void Dispose()
    {
        _random.Dispose();
        Assert.Equal(_before, TorchRuntime.LiveTensors);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void EdmCoefficients_EveryLevel_AreThoseOfTable1(ScalarType type)
    {
        using var scope = NewDisposeScope();
        double[] levels = [0.002, 0.5, 0.5, 1, 3.7, 80];
        var (skip, c_out, c_in, noise) = Fused.edm_coefficients(Tensors.Of<double>(levels, [6]).to(type), 0.7);
        Close([.. levels.Select(σ => 0.49 / (σ * σ + 0.49))], skip, 3e-7);
        Close([.. levels.Select(σ => σ * 0.7 / Math.Sqrt(σ * σ + 0.49))], c_out, 3e-7);
        Close([.. levels.Select(σ => 1 / Math.Sqrt(σ * σ + 0.49))], c_in, 3e-7);
        Close([.. levels.Select(σ => Math.Log(σ) / 4)], noise, 3e-7);
    }

    /// <summary>Rows, columns of the input (0: none), numbers of frequencies.</summary>
    public static TheoryData<int, int, int[]> Features() =>
        new()
        {
            { 300, 2, [8, 16] },
            { 5, 0, [8] },
            { 1, 3, [1] },
            { 7, 1, [11, 3, 9] },
        };

    [Theory]
    [MemberData(nameof(Features))]
    public void FourierFeatures_ValuesAndGradient_EqualCosinesAndSines(int rows, int columns, int[] frequencies)
    {
        using var scope = NewDisposeScope();
        var x = columns == 0 ? null : Leaf(rows, columns);
        // values near and far from 0, and one that repeats
        Tensor[] values =
        [
            .. frequencies.Select(
                (_, k) => cat([randn([rows / 2], generator: _random) * (k == 1 ? 4000 : 2), full([rows - rows / 2], 0.5)])
            ),
        ];
        Tensor[] f = [.. frequencies.Select(m => randn([m], generator: _random) * 3)];
        var y = Fused.fourier_features(x, values, f);
        var expected = new List<Tensor>();
        if (x is not null)
        {
            expected.Add(x.detach().to(ScalarType.Float64));
        }
        for (var k = 0; k < f.Length; k++)
        {
            var phases = (values[k].unsqueeze(1) * (f[k] * (float)(2 * Math.PI))).to(ScalarType.Float64);
            expected.AddRange([phases.cos(), phases.sin()]);
        }
        var all = cat(expected.ToArray(), 1);
        Assert.Equal(all.shape, y.shape);
        Close(all.ToArray<double>(), y.detach(), 2e-7);
        Assert.Equal(x is not null, y.requires_grad);
        if (x is null)
        {
            return;
        }
        var weights = randn(y.shape, generator: _random);
        (y * weights).sum().backward();
        Close(weights.narrow(1, 0, columns).contiguous().to(ScalarType.Float64).ToArray<double>(), x.grad!, 0);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void MixRows_ValueAndGradients_EqualTheSumOfProducts(bool withA, bool withZ)
    {
        using var scope = NewDisposeScope();
        foreach (var shape in new long[][] { [9, 2], [1, 1], [4, 3, 5, 7], [33, 40], [0, 2] })
        {
            foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
            {
                var (x, z) = (Leaf(shape), withZ ? Leaf(shape) : null);
                Tensor a = randn([shape[0]], generator: _random),
                    b = randn([shape[0]], generator: _random),
                    g = randn(shape, generator: _random);
                var y = Fused.mix_rows(withA ? a.to(type) : null, x.to(type), withZ ? b.to(type) : null, z?.to(type));
                Tensor Like(Tensor rows) => rows.view([shape[0], .. shape.Skip(1).Select(_ => 1L)]).to(ScalarType.Float64);
                var expected = x.detach().to(ScalarType.Float64) * (withA ? Like(a) : ones([1], ScalarType.Float64));
                if (z is not null)
                {
                    expected += z.detach().to(ScalarType.Float64) * Like(b);
                }
                Close(expected.ToArray<double>(), y.detach(), 1e-6);
                (y * g.to(type)).sum().backward();
                Close((g.to(ScalarType.Float64) * (withA ? Like(a) : ones([1], ScalarType.Float64))).ToArray<double>(), x.grad!, 1e-6);
                if (z is not null)
                {
                    Close((g.to(ScalarType.Float64) * Like(b)).ToArray<double>(), z.grad!, 1e-6);
                }
            }
        }
    }

    [Fact]
    public void MixRows_AnotherLayoutOrNoGrad_SameNumbers()
    {
        using var scope = NewDisposeScope();
        Tensor x = Leaf(3, 4, 5, 6),
            z = randn([3, 4, 5, 6], generator: _random),
            b = randn([3], generator: _random);
        var expected = Fused.mix_rows(null, x, b, z).detach().ToArray<float>();
        Assert.Equal(expected, Fused.mix_rows(null, x, b, Dispatcher.channels_last(z)).detach().ToArray<float>(), Near);
        using var _ = no_grad();
        var silent = Fused.mix_rows(null, x, b, z);
        Assert.False(silent.requires_grad);
        Assert.Equal(expected, silent.ToArray<float>());
    }

    [Theory]
    [InlineData(7, 2)]
    [InlineData(1, 1)]
    [InlineData(3, 100)]
    public void RowErrors_ValueAndGradient_EqualWeightedMeans(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var x = Leaf(rows, columns);
        Tensor target = randn([rows, columns], generator: _random),
            weight = rand([rows], generator: _random),
            g = randn([rows], generator: _random);
        var y = Fused.row_errors(x, target, weight);
        (y * g).sum().backward();
        var ours = x.grad!.ToArray<float>();
        x.grad = null;
        Close([.. Doubles((x - target).square().mean([1]) * weight)], y.detach(), 1e-6);
        ((x - target).square().mean([1]) * weight * g).sum().backward();
        Close(Doubles(x.grad!), Tensors.Of<float>(ours, [rows, columns]), 1e-6);
        // a target that learns is libtorch's business
        var other = Leaf(rows, columns);
        (Fused.row_errors(x.detach(), other, weight) * g).sum().backward();
        (Fused.row_errors(other.detach(), x, weight) * 0).sum().backward();
        Assert.NotNull(other.grad);
    }

    [Fact]
    public void RowOperators_WrongSizes_SaysWhatTheyTake()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([4, 2]),
            three = ones([3]);
        Assert.Contains(
            "one factor a row",
            Assert.Throws<TorchException>(() => Fused.mix_rows(three, x)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "together",
            Assert.Throws<TorchException>(() => Fused.mix_rows(null, x, ones([4]))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "one weight a row",
            Assert.Throws<TorchException>(() => Fused.row_errors(x, x, three)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "one value a row",
            Assert.Throws<TorchException>(() => Fused.fourier_features(x, [three], [three])).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "as many",
            Assert.Throws<TorchException>(() => Fused.adamw_(three, three, three, ones([2]), 1, 1, 0.9, 0.999, 1, 1e-8, 0.1)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.25)]
    public void AdamW_OnePass_EqualsItsStepsInFloat64(double scale)
    {
        using var scope = NewDisposeScope();
        const int n = 1003;
        Tensor[] ours =
        [
            randn([n], generator: _random),
            randn([n], generator: _random),
            randn([n], generator: _random),
            rand([n], generator: _random),
        ];
        Tensor[] exact = [.. ours.Select(t => t.to(ScalarType.Float64))];
        foreach (var t in new[] { ours, exact })
        {
            Fused.adamw_(t[0], t[1], t[2], t[3], scale, 0.999, 0.9, 0.999, 0.3, 1e-8, 0.01);
        }
        for (var k = 0; k < 4; k++)
        {
            Close(exact[k].ToArray<double>(), ours[k], 1e-6);
        }
    }

    private Tensor Leaf(params long[] shape)
    {
        var leaf = randn(shape, generator: _random);
        leaf.requires_grad = true;
        return leaf;
    }

    private static double[] Doubles(Tensor t) => t.detach().to(ScalarType.Float64).ToArray<double>();

    private static bool Near(float a, float b) => Math.Abs(a - b) <= 1e-6f * (1 + Math.Abs(a));

    private static void Close(double[] expected, Tensor actual, double tolerance)
    {
        var values = Doubles(actual);
        Assert.Equal(expected.Length, values.Length);
        for (var k = 0; k < expected.Length; k++)
        {
            Assert.True(
                Math.Abs(expected[k] - values[k]) <= tolerance * (1 + Math.Abs(expected[k])),
                $"[{k}]: {values[k]} instead of {expected[k]}"
            );
        }
    }
}
