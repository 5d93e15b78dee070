using System.Diagnostics;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>The fastest 3x3 convolutions this machine does, forward and backward: what a training step could reach at best.</summary>
internal static class ConvolutionPeak
{
    private static readonly (int Batch, int Channels, int Side)[] Shapes =
    [
        (64, 32, 32),
        (64, 64, 16),
        (64, 64, 32),
        (64, 128, 16),
        (64, 256, 8),
    ];

    public static void Run(Options options)
    {
        foreach (
            var (type, last, name) in new[]
            {
                (ScalarType.Float32, false, "float32, contiguous"),
                (ScalarType.Float32, true, "float32, channels_last"),
                (ScalarType.BFloat16, true, "bfloat16, channels_last"),
            }
        )
        {
            foreach (var shape in Shapes)
            {
                Console.WriteLine(
                    $"  {name, -24} {shape.Batch}x{shape.Channels}x{shape.Side}x{shape.Side}: "
                        + $"{Measure(type, last, shape, options.Rounds), 7:F0} GFLOP/s"
                );
            }
        }
        foreach (var shape in Shapes)
        {
            Console.WriteLine(
                $"  {"bfloat16, our operator", -24} {shape.Batch}x{shape.Channels}x{shape.Side}x{shape.Side}: "
                    + $"{Measure(ScalarType.BFloat16, true, shape, options.Rounds, ours: true), 7:F0} GFLOP/s"
            );
        }
    }

    /// <summary>The best of all shapes in bfloat16, channels_last, libtorch's operator or ours, in GFLOP/s.</summary>
    public static double Best(int rounds) =>
        Shapes.Max(shape =>
            Math.Max(Measure(ScalarType.BFloat16, true, shape, rounds), Measure(ScalarType.BFloat16, true, shape, rounds, ours: true))
        );

    private static double Measure(ScalarType type, bool last, (int Batch, int Channels, int Side) shape, int rounds, bool ours = false)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new Generator(1, torch.CPU);
        Tensor Laid(Tensor t) => last ? Dispatcher.channels_last(t) : t;
        var x = Laid(torch.randn([shape.Batch, shape.Channels, shape.Side, shape.Side], generator: generator).to(type));
        var weight = Laid(torch.randn([shape.Channels, shape.Channels, 3, 3], generator: generator).to(ours ? ScalarType.Float32 : type));
        x.requires_grad = weight.requires_grad = true;
        var flops = 3.0 * 2 * shape.Batch * shape.Channels * shape.Channels * 9 * shape.Side * shape.Side; // forward, and two gradients
        Step(x, weight, ours);
        return Enumerable
            .Range(0, rounds * 4)
            .Max(_ =>
            {
                var clock = Stopwatch.StartNew();
                Step(x, weight, ours);
                Step(x, weight, ours);
                return 2 * flops / clock.Elapsed.TotalNanoseconds;
            });
    }

    private static void Step(Tensor x, Tensor weight, bool ours)
    {
        using var scope = torch.NewDisposeScope();
        var y = ours ? Fused.conv2d_residual(x, weight, null) : torch.nn.functional.conv2d(x, weight, null, padding: [1, 1]);
        // the gradient is the output itself: any tensor of its shape and layout does, and making one costs nothing
        torch.autograd.grad([y], [x, weight], [y.detach()]);
    }
}
