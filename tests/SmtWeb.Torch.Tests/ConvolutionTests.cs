using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>
/// <c>conv2d_residual</c> against libtorch's own convolution in float32 on the same, already rounded, numbers. On CPUs for
/// which this project has kernels most shapes take them; elsewhere all of them test the way round.
/// </summary>
[Collection("Tensors")]
public sealed class ConvolutionTests : IDisposable
{
    private readonly long _before;
    private readonly int _threads;

    public ConvolutionTests()
    {
        TorchRuntime.Initialize();
        (_before, _threads) = (TorchRuntime.LiveTensors, TorchRuntime.Threads);
    }

    public void Dispose()
    {
        TorchRuntime.Threads = _threads;
        Assert.Equal(_before, TorchRuntime.LiveTensors);
    }

    /// <summary>Images, input and output channels, height, width, side of the kernel.</summary>
    public static TheoryData<int, int, int, int, int, int> Shapes() =>
        new()
        {
            { 3, 16, 16, 32, 32, 3 },
            { 2, 32, 32, 16, 16, 3 },
            { 5, 48, 48, 8, 8, 3 },
            { 9, 64, 64, 4, 4, 3 },
            { 2, 128, 80, 4, 4, 3 },
            { 2, 16, 112, 8, 8, 3 },
            { 1, 16, 32, 33, 35, 3 },
            { 1, 48, 16, 5, 7, 3 },
            { 3, 32, 64, 3, 1, 3 },
            { 2, 16, 96, 1, 9, 3 },
            { 40, 16, 16, 1, 1, 3 },
            { 7, 32, 48, 2, 2, 3 },
            { 2, 64, 32, 17, 3, 3 },
            { 1, 16, 16, 70, 11, 3 },
            { 1, 16, 16, 3, 300, 3 },
            { 3, 32, 48, 16, 16, 1 },
            { 2, 48, 16, 9, 7, 1 },
            { 19, 80, 64, 1, 1, 1 },
            { 1, 16, 32, 37, 41, 1 },
            // not ours: other channels, other sides
            { 3, 1, 16, 8, 8, 3 },
            { 3, 16, 1, 8, 8, 3 },
            { 3, 3, 16, 8, 8, 3 },
            { 2, 20, 16, 6, 6, 3 },
            { 2, 16, 16, 9, 9, 5 },
        };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Conv2dResidual_ValueAndGradients_EqualLibtorchsInFloat32(
        int images,
        int inputs,
        int outputs,
        int height,
        int width,
        int side
    )
    {
        using var scope = NewDisposeScope();
        foreach (var count in new[] { 1, 2 })
        {
            TorchRuntime.Threads = count;
            Compare(
                new Case(images, inputs, outputs, height, width, side),
                ScalarType.BFloat16,
                MemoryFormat.ChannelsLast,
                bias: true,
                residual: true,
                scale: 0.7,
                factor: 0.6
            );
        }
    }

    [Theory]
    [InlineData(3, 1, 16, 8, 8)]
    [InlineData(3, 16, 1, 8, 8)]
    [InlineData(2, 1, 48, 32, 32)]
    [InlineData(2, 48, 1, 32, 32)]
    [InlineData(5, 1, 32, 5, 19)]
    [InlineData(5, 32, 1, 5, 19)]
    [InlineData(1, 1, 16, 1, 1)]
    [InlineData(1, 16, 1, 1, 1)]
    [InlineData(4, 16, 1, 9, 37)]
    [InlineData(4, 1, 16, 9, 37)]
    public void Conv2dResidual_BetweenOneChannelAndMany_EqualsLibtorchs(int images, int inputs, int outputs, int height, int width)
    {
        using var scope = NewDisposeScope();
        foreach (var count in new[] { 1, 2 })
        {
            TorchRuntime.Threads = count;
            Compare(
                new Case(images, inputs, outputs, height, width, 3),
                ScalarType.BFloat16,
                MemoryFormat.ChannelsLast,
                bias: true,
                residual: false,
                scale: 0.5,
                factor: 1
            );
            Compare(
                new Case(images, inputs, outputs, height, width, 3),
                ScalarType.BFloat16,
                MemoryFormat.ChannelsLast,
                bias: false,
                residual: false,
                scale: 1,
                factor: 1
            );
        }
    }

    /// <summary>Resampling, images, input and output channels, height, width, side of the kernel.</summary>
    public static TheoryData<Resample, int, int, int, int, int, int> ResampledShapes()
    {
        var data = new TheoryData<Resample, int, int, int, int, int, int>();
        (int Images, int Inputs, int Outputs, int Height, int Width, int Side)[] shapes =
        [
            (3, 32, 32, 16, 16, 3),
            (2, 48, 48, 8, 8, 3),
            (9, 64, 64, 4, 4, 3),
            (2, 16, 112, 8, 8, 3),
            (21, 16, 32, 2, 2, 3),
            (1, 128, 80, 6, 10, 3),
            (1, 16, 16, 70, 4, 3),
            (3, 32, 48, 16, 16, 1),
            (5, 48, 16, 2, 6, 1),
            (3, 20, 16, 6, 6, 3),
            (3, 3, 16, 6, 6, 1),
        ];
        foreach (var s in shapes)
        {
            foreach (var resample in new[] { Resample.Up, Resample.Down })
            {
                data.Add(resample, s.Images, s.Inputs, s.Outputs, s.Height, s.Width, s.Side);
            }
        }
        // a doubled convolution takes odd sides too
        data.Add(Resample.Up, 2, 16, 32, 33, 5, 3);
        data.Add(Resample.Up, 7, 32, 16, 1, 1, 3);
        data.Add(Resample.Up, 2, 48, 48, 3, 17, 3);
        return data;
    }

    [Theory]
    [MemberData(nameof(ResampledShapes))]
    public void Conv2dResidual_Resampled_EqualsResamplingFirst(
        Resample resample,
        int images,
        int inputs,
        int outputs,
        int height,
        int width,
        int side
    )
    {
        using var scope = NewDisposeScope();
        foreach (var count in new[] { 1, 2 })
        {
            TorchRuntime.Threads = count;
            var c = new Case(images, inputs, outputs, height, width, side, resample);
            Compare(c, ScalarType.BFloat16, MemoryFormat.ChannelsLast, bias: true, residual: false, scale: 0.7, factor: 1);
            Compare(c, ScalarType.BFloat16, MemoryFormat.ChannelsLast, bias: false, residual: true, scale: 1, factor: 0.6);
            Compare(c, ScalarType.Float32, MemoryFormat.ChannelsLast, bias: true, residual: true, scale: 0.7, factor: 0.6);
        }
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, MemoryFormat.Contiguous, true, true, 1, 1)]
    [InlineData(ScalarType.BFloat16, MemoryFormat.ChannelsLast, false, true, 1, 0.5)]
    [InlineData(ScalarType.BFloat16, MemoryFormat.ChannelsLast, true, false, 2, 1)]
    [InlineData(ScalarType.BFloat16, MemoryFormat.ChannelsLast, false, false, 1, 1)]
    [InlineData(ScalarType.Float32, MemoryFormat.ChannelsLast, true, true, 0.7, 0.6)]
    public void Conv2dResidual_OptionalPartsLayoutsAndFormats_EqualLibtorchs(
        ScalarType type,
        MemoryFormat format,
        bool bias,
        bool residual,
        double scale,
        double factor
    )
    {
        using var scope = NewDisposeScope();
        Compare(new Case(3, 32, 48, 7, 6, 3), type, format, bias, residual, scale, factor);
    }

    [Fact]
    public void Conv2dResidual_OnlySomeInputsNeedGradients_GivesJustThose()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        for (var wanted = 1; wanted < 16; wanted++)
        {
            Tensor[] leaves =
            [
                Bits(randn([2, 16, 6, 6], generator: random)),
                randn([32, 16, 3, 3], generator: random),
                randn([32], generator: random),
                Bits(randn([2, 32, 6, 6], generator: random)),
            ];
            for (var k = 0; k < 4; k++)
            {
                leaves[k].requires_grad = (wanted >> k & 1) != 0;
            }
            var y = Fused.conv2d_residual(leaves[0], leaves[1], leaves[2], leaves[3]);
            autograd.backward([y], [Bits(randn([2, 32, 6, 6], generator: random))]);
            for (var k = 0; k < 4; k++)
            {
                Assert.Equal((wanted >> k & 1) != 0, leaves[k].grad is not null);
                if (leaves[k].grad is { } gradient)
                {
                    Assert.Equal(leaves[k].dtype, gradient.dtype);
                }
            }
        }
    }

    [Fact]
    public void Conv2dResidual_RunTwice_GivesTheSameBits()
    {
        using var scope = NewDisposeScope();
        TorchRuntime.Threads = 2;
        var (first, second) = (Once(), Once());
        for (var k = 0; k < first.Length; k++)
        {
            Assert.Equal(first[k], second[k]);
        }

        static float[][] Once()
        {
            using var random = new Generator(4);
            Tensor[] leaves =
            [
                Bits(randn([7, 32, 16, 16], generator: random)),
                randn([32, 32, 3, 3], generator: random),
                randn([32], generator: random),
            ];
            foreach (var leaf in leaves)
            {
                leaf.requires_grad = true;
            }
            var y = Fused.conv2d_residual(leaves[0], leaves[1], leaves[2]);
            autograd.backward([y], [Bits(randn([7, 32, 16, 16], generator: random))]);
            return
            [
                .. leaves.Select(l => l.grad!.to(ScalarType.Float32).ToArray<float>()),
                y.detach().to(ScalarType.Float32).ToArray<float>(),
            ];
        }
    }

    [Fact]
    public void Conv2dResidual_NotANumber_ReachesItsNeighboursOnly()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(5);
        var x = randn([2, 16, 5, 5], generator: random);
        x.narrow(0, 0, 1).narrow(2, 0, 1).narrow(3, 0, 1).fill_(float.NaN);
        var y = Fused
            .conv2d_residual(Bits(x), randn([16, 16, 3, 3], generator: random), null)
            .to(ScalarType.Float32)
            .contiguous()
            .ToArray<float>();
        for (var k = 0; k < y.Length; k++)
        {
            Assert.Equal(k < 16 * 25 && k % 25 / 5 <= 1 && k % 5 <= 1, float.IsNaN(y[k]));
        }
    }

    private sealed record Case(int Images, int Inputs, int Outputs, int Height, int Width, int Side, Resample Resample = Resample.None)
    {
        private int Resampled(int side) =>
            Resample == Resample.Up ? 2 * side
            : Resample == Resample.Down ? side / 2
            : side;

        /// <summary>Shape of the result.</summary>
        public long[] Result => [Images, Outputs, Resampled(Height), Resampled(Width)];
    }

    private static Tensor Bits(Tensor x, MemoryFormat format = MemoryFormat.ChannelsLast) => x.to(ScalarType.BFloat16).In(format);

    // Random numbers that bfloat16 holds exactly, so that both sides compute from the same.
    private static Tensor Rounded(Generator random, params long[] shape) =>
        randn(shape, generator: random).to(ScalarType.BFloat16).to(ScalarType.Float32);

    private static void Compare(Case c, ScalarType type, MemoryFormat format, bool bias, bool residual, double scale, double factor)
    {
        using var random = new Generator(7);
        var of = c.Result;
        var (x, w) = (Rounded(random, c.Images, c.Inputs, c.Height, c.Width), Rounded(random, c.Outputs, c.Inputs, c.Side, c.Side));
        var (b, r, dy) = (Rounded(random, c.Outputs), Rounded(random, of), Rounded(random, of));
        // where the weights are rounded after they were scaled, the comparison must start from the same
        var exact = (w * scale).to(type).to(ScalarType.Float32) / scale;

        Tensor[] Run(bool ours)
        {
            // float64 has no oneDNN, whose errors are those that Plain.Convolution goes round
            Tensor Truth(Tensor t) => t.to(ScalarType.Float64);
            Tensor[] leaves = ours
                ? [x.to(type).In(format).clone(), w.clone(), b.clone(), r.to(type).In(format).clone()]
                : [Truth(x).clone(), Truth(exact).clone(), Truth(b).clone(), Truth(r).clone()];
            foreach (var leaf in leaves)
            {
                leaf.requires_grad = true;
            }
            Tensor y;
            if (ours)
            {
                y = Fused.conv2d_residual(
                    leaves[0],
                    leaves[1],
                    bias ? leaves[2] : null,
                    residual ? leaves[3] : null,
                    scale,
                    factor,
                    c.Resample
                );
            }
            else
            {
                y =
                    c.Resample == Resample.Up ? nn.functional.interpolate(leaves[0], scale_factor: [2, 2])
                    : c.Resample == Resample.Down ? nn.functional.avg_pool2d(leaves[0], 2)
                    : leaves[0];
                y = nn.functional.conv2d(y, leaves[1] * scale, bias ? leaves[2] * scale : null, padding: [c.Side / 2, c.Side / 2]);
                if (residual)
                {
                    y = y + leaves[3] * factor;
                }
            }
            Assert.Equal(ours ? type : ScalarType.Float64, y.dtype);
            autograd.backward([y], [dy.to(y.dtype)]);
            return
            [
                y.detach(),
                leaves[0].grad!,
                leaves[1].grad!,
                bias ? leaves[2].grad! : zeros([1]),
                residual ? leaves[3].grad! : zeros([1]),
            ];
        }
        var (mine, theirs) = (Run(true), Run(false));
        string[] names = ["result", "gradient of x", "of the weights", "of the bias", "of the residual"];
        // bfloat16 keeps 8 bits; the way round rounds the bias, the gradients of the weights and what comes before the sum as well;
        // resampling rounds the mean, the sums of the weights or, the way round, four gradients once more
        var tolerance =
            type != ScalarType.BFloat16 ? 1e-5
            : c.Resample == Resample.None ? 1.0 / 32
            : 1.0 / 16;
        for (var k = 0; k < mine.Length; k++)
        {
            var (a, e) = (mine[k].to(ScalarType.Float64), theirs[k].to(ScalarType.Float64));
            Assert.Equal(e.shape.ToArray(), a.shape.ToArray());
            var size = e.abs().to(ScalarType.Float64).ToArray<double>();
            var floor = size.Max() / 16 + 1e-6;
            var worst = (a - e).abs().to(ScalarType.Float64).contiguous().ToArray<double>().Zip(size, (d, s) => d / (s + floor)).Max();
            Assert.True(worst <= tolerance, $"{names[k]} of {c}: differs by {worst:G3} of its size");
        }
    }
}
