using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>Convolutions of single pixels, which libtorch 2.10 gets wrong in NHWC order on several threads.</summary>
public sealed class PixelConvolutionTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Convolution_AnyNumberOfOutputs_IsRight(int threads)
    {
        var before = TorchRuntime.Threads;
        TorchRuntime.Threads = threads;
        try
        {
            foreach (var outputs in (int[])[1, 16, 33, 48, 72, 80, 97, 130, 354])
            {
                using var scope = NewDisposeScope();
                using var random = new Generator(7);
                var x = Dispatcher.channels_last(randn([2, 24, 5, 4], generator: random));
                var (w, b) = (randn([outputs, 24, 1, 1], generator: random), randn([outputs], generator: random));
                var exact = nn.functional.conv2d(x.to(ScalarType.Float64), w.to(ScalarType.Float64), b.to(ScalarType.Float64));
                var ours = Fused.conv2d(x, w, b, [1, 1], [0, 0]);
                Assert.Equal([2L, outputs, 5, 4], ours.shape);
                Assert.InRange((ours.to(ScalarType.Float64) - exact).abs().max().item<double>(), 0, 1e-4);
                Assert.InRange((Fused.conv2d_residual(x, w, b).to(ScalarType.Float64) - exact).abs().max().item<double>(), 0, 1e-4);
            }
        }
        finally
        {
            TorchRuntime.Threads = before;
        }
    }
}
