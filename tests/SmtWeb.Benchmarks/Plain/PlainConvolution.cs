using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SmtWeb.Benchmarks.Plain;

/// <summary>
/// nn.Conv2d that computes the right numbers: libtorch 2.10's oneDNN is wrong in float32 where channels are no multiple of 16 (ADR 20), so
/// zeros fill them up there. In <c>fashion-mnist-official</c> that is the first and the last convolution, from and to the one channel of a
/// grey image, and the last of the head; all others are libtorch's own.
/// </summary>
internal sealed class PlainConvolution : nn.Module<Tensor, Tensor>
{
    private const long Block = 16;

    private readonly Parameter weight,
        bias;
    private readonly long stride,
        padding;

    internal PlainConvolution(long inputs, long outputs, long kernel, long stride = 1, long padding = 0)
        : base(nameof(PlainConvolution))
    {
        (this.stride, this.padding) = (stride, padding);
        weight = nn.Parameter(randn(outputs, inputs, kernel, kernel) * Math.Sqrt(1.0 / (inputs * kernel * kernel)));
        bias = nn.Parameter(zeros(outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => Apply(x, weight, bias, stride, padding);

    internal static Tensor Apply(Tensor x, Tensor weight, Tensor bias, long stride, long padding)
    {
        long outputs = weight.size(0),
            moreOutputs = More(outputs),
            moreInputs = More(weight.size(1));
        if (x.dtype != ScalarType.Float32 || (moreOutputs == 0 && moreInputs == 0))
        {
            return F.conv2d(x, weight, bias, strides: [stride, stride], padding: [padding, padding]);
        }
        var filled = moreInputs == 0 ? x : F.pad(x, [0, 0, 0, 0, 0, moreInputs]);
        var w = F.pad(weight, [0, 0, 0, 0, 0, moreInputs, 0, moreOutputs]);
        var b = moreOutputs == 0 ? bias : F.pad(bias, [0, moreOutputs]);
        return F.conv2d(filled, w, b, strides: [stride, stride], padding: [padding, padding]).narrow(1, 0, outputs);
    }

    private static long More(long channels) => (Block - channels % Block) % Block;
}
