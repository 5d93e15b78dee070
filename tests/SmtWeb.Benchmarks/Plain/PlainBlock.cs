using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SmtWeb.Benchmarks.Plain;

/// <summary>Convolution after resampling by 2 with the [1,1] filter, as a grouped (transposed) convolution.</summary>
internal sealed class Resampled : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight,
        bias;
    private readonly Tensor? resample_filter;
    private readonly bool up,
        down;
    private readonly long inputs,
        kernel;

    internal Resampled(long inputs, long outputs, long kernel, bool up = false, bool down = false)
        : base(nameof(Resampled))
    {
        (this.up, this.down, this.inputs, this.kernel) = (up, down, inputs, kernel);
        weight = nn.Parameter(randn(outputs, inputs, kernel, kernel) * Math.Sqrt(1.0 / (inputs * kernel * kernel)));
        bias = nn.Parameter(zeros(outputs));
        if (up || down)
        {
            resample_filter = full(1, 1, 2, 2, 0.25f);
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        if (up)
        {
            x = F.conv_transpose2d(x, (resample_filter! * 4).repeat(inputs, 1, 1, 1), strides: [2, 2], groups: inputs);
        }
        if (down)
        {
            x = F.conv2d(x, resample_filter!.repeat(inputs, 1, 1, 1), strides: [2, 2], groups: inputs);
        }
        return PlainConvolution.Apply(x, weight, bias, 1, kernel / 2);
    }
}

/// <summary>Residual block of DDPM++ with optional resampling and optional single-head self-attention.</summary>
internal sealed class PlainBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly GroupNorm norm0,
        norm1;
    private readonly GroupNorm? norm2;
    private readonly Resampled conv0,
        conv1;
    private readonly Resampled? skip,
        qkv,
        proj;
    private readonly Linear affine;

    internal PlainBlock(long inputs, long outputs, long embedding, bool up = false, bool down = false, bool attention = false)
        : base(nameof(PlainBlock))
    {
        norm0 = Norm(inputs);
        conv0 = new Resampled(inputs, outputs, 3, up, down);
        affine = nn.Linear(embedding, outputs);
        norm1 = Norm(outputs);
        conv1 = new Resampled(outputs, outputs, 3);
        if (up || down || inputs != outputs)
        {
            skip = new Resampled(inputs, outputs, 1, up, down);
        }
        if (attention)
        {
            (norm2, qkv, proj) = (Norm(outputs), new Resampled(outputs, 3 * outputs, 1), new Resampled(outputs, outputs, 1));
        }
        RegisterComponents();
    }

    internal static GroupNorm Norm(long channels) => nn.GroupNorm(Math.Min(32, channels / 4), channels, eps: 1e-6);

    public override Tensor forward(Tensor x, Tensor embedding)
    {
        var h = conv0.call(F.silu(norm0.call(x)));
        h = F.silu(norm1.call(h + affine.call(embedding).unsqueeze(2).unsqueeze(3)));
        h = conv1.call(h);
        x = (h + (skip is null ? x : skip.call(x))) * Math.Sqrt(0.5);
        if (qkv is null)
        {
            return x;
        }
        var (n, c, height, width) = (x.size(0), x.size(1), x.size(2), x.size(3));
        // channels of the 1x1 convolution are interleaved: q, k, v of channel 0, then of channel 1, …
        var parts = qkv.call(norm2!.call(x)).reshape(n, c, 3, height * width).unbind(2);
        var weights = einsum("ncq,nck->nqk", parts[0], parts[1] / Math.Sqrt(c)).softmax(2);
        var a = einsum("nqk,nck->ncq", weights, parts[2]).reshape(n, c, height, width);
        return (proj!.call(a) + x) * Math.Sqrt(0.5);
    }
}
