using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>
/// Convolutions that libtorch 2.10 gets wrong on CPUs: of numbers of channels that are no multiple of 16, and of single pixels.
/// </summary>
public sealed class PixelConvolutionTests
{
    public static TheoryData<ScalarType, bool, int> Cases
    {
        get
        {
            var data = new TheoryData<ScalarType, bool, int>();
            foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
            {
                foreach (var last in new[] { false, true })
                {
                    foreach (var threads in new[] { 1, 2 })
                    {
                        data.Add(type, last, threads);
                    }
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Conv2d_AnyChannels_HasRightResultsAndGradients(ScalarType type, bool channelsLast, int threads)
    {
        var before = TorchRuntime.Threads;
        TorchRuntime.Threads = threads;
        try
        {
            foreach (
                var (inputs, outputs, side) in new[]
                {
                    (24, 1, 1),
                    (24, 33, 1),
                    (48, 72, 1),
                    (64, 80, 1),
                    (35, 32, 3),
                    (32, 3, 3),
                    (3, 32, 3),
                    (16, 1, 3),
                    (1, 16, 3),
                    (20, 16, 3),
                    (24, 24, 3),
                    (32, 32, 3),
                    (64, 1, 1),
                }
            )
            {
                Compare(type, channelsLast, inputs, outputs, side);
            }
        }
        finally
        {
            TorchRuntime.Threads = before;
        }
    }

    private static void Compare(ScalarType type, bool channelsLast, int inputs, int outputs, int side)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(7);
        Tensor Rounded(params long[] shape) => randn(shape, generator: random).to(type).to(ScalarType.Float64);
        Tensor[] exact = [Rounded(3, inputs, 9, 7), Rounded(outputs, inputs, side, side) * 0.125, Rounded(outputs)];
        var upstream = Rounded(3, outputs, 9, 7);
        Tensor[] rounded =
        [
            .. exact.Select(
                (t, k) => (k == 0 && channelsLast ? Dispatcher.channels_last(t.to(type)) : t.to(type)).detach().requires_grad_()
            ),
        ];
        exact = [.. exact.Select(t => t.detach().requires_grad_())];
        var y = Fused.conv2d(rounded[0], rounded[1], rounded[2], [1, 1], [side / 2, side / 2]);
        var expected = nn.functional.conv2d(exact[0], exact[1], exact[2], padding: [side / 2, side / 2]);
        var gradients = autograd.grad([y], rounded, [upstream.to(type)]);
        var expectedGradients = autograd.grad([expected], exact, [upstream]);
        var limit = type == ScalarType.Float32 ? 1e-5 : 0.02;
        foreach (var (name, a, b) in new[] { "result", "input", "weight", "bias" }.Zip([y, .. gradients], [expected, .. expectedGradients]))
        {
            var error = ((a.to(ScalarType.Float64) - b).norm() / b.norm()).item<double>();
            Assert.True(error < limit, $"{name} of {inputs} to {outputs} channels, {side}x{side}: differs by {error:G2} of its size");
        }
    }
}
