using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SmtWeb.Benchmarks.Plain;

/// <summary>Convolution after resampling by 2 with the [1,1] filter, as a grouped (transposed) convolution.</summary>
internal sealed class Resampled : nn.Module<Tensor, Tensor>
{
    private readonly Parameter _weight,
        _bias;
    private readonly Tensor? _resample_filter;
    private readonly bool _up,
        _down;
    private readonly long _inputs,
        _kernel;

    internal Resampled(long inputs, long outputs, long kernel, bool up = false, bool down = false)
        : base(nameof(Resampled))
    {
        (_up, _down, _inputs, _kernel) = (up, down, inputs, kernel);
        _weight = nn.Parameter(randn(outputs, inputs, kernel, kernel) * Math.Sqrt(1.0 / (inputs * kernel * kernel)));
        _bias = nn.Parameter(zeros(outputs));
        if (up || down)
        {
            _resample_filter = full(1, 1, 2, 2, 0.25f);
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        if (_up)
        {
            x = F.conv_transpose2d(x, (_resample_filter! * 4).repeat(_inputs, 1, 1, 1), strides: [2, 2], groups: _inputs);
        }
        if (_down)
        {
            x = F.conv2d(x, _resample_filter!.repeat(_inputs, 1, 1, 1), strides: [2, 2], groups: _inputs);
        }
        return PlainConvolution.Apply(x, _weight, _bias, 1, _kernel / 2);
    }
}

/// <summary>Residual block of DDPM++ with optional resampling and optional single-head self-attention.</summary>
internal sealed class PlainBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly GroupNorm _norm0,
        _norm1;
    private readonly GroupNorm? _norm2;
    private readonly Resampled _conv0,
        _conv1;
    private readonly Resampled? _skip,
        _qkv,
        _proj;
    private readonly Linear _affine;

    internal PlainBlock(long inputs, long outputs, long embedding, bool up = false, bool down = false, bool attention = false)
        : base(nameof(PlainBlock))
    {
        _norm0 = Norm(inputs);
        _conv0 = new Resampled(inputs, outputs, 3, up, down);
        _affine = nn.Linear(embedding, outputs);
        _norm1 = Norm(outputs);
        _conv1 = new Resampled(outputs, outputs, 3);
        if (up || down || inputs != outputs)
        {
            _skip = new Resampled(inputs, outputs, 1, up, down);
        }
        if (attention)
        {
            (_norm2, _qkv, _proj) = (Norm(outputs), new Resampled(outputs, 3 * outputs, 1), new Resampled(outputs, outputs, 1));
        }
        RegisterComponents();
    }

    internal static GroupNorm Norm(long channels) => nn.GroupNorm(Math.Min(32, channels / 4), channels, eps: 1e-6);

    public override Tensor forward(Tensor x, Tensor embedding)
    {
        var h = _conv0.call(F.silu(_norm0.call(x)));
        h = F.silu(_norm1.call(h + _affine.call(embedding).unsqueeze(2).unsqueeze(3)));
        h = _conv1.call(h);
        x = (h + (_skip is null ? x : _skip.call(x))) * Math.Sqrt(0.5);
        if (_qkv is null)
        {
            return x;
        }
        var (n, c, height, width) = (x.size(0), x.size(1), x.size(2), x.size(3));
        // channels of the 1x1 convolution are interleaved: q, k, v of channel 0, then of channel 1, …
        var parts = _qkv.call(_norm2!.call(x)).reshape(n, c, 3, height * width).unbind(2);
        var weights = einsum("ncq,nck->nqk", parts[0], parts[1] / Math.Sqrt(c)).softmax(2);
        var a = einsum("nqk,nck->ncq", weights, parts[2]).reshape(n, c, height, width);
        return (_proj!.call(a) + x) * Math.Sqrt(0.5);
    }
}
