using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Settings of a residual block; the defaults are DDPM++'s.</summary>
public sealed record UNetBlockOptions
{
    /// <summary>Channels of the embedding.</summary>
    public required long EmbeddingChannels { get; init; }

    /// <summary>Change of resolution in the first convolution and in the skip path.</summary>
    public Resample Resample { get; init; }

    /// <summary>Self-attention heads; 0 = no attention.</summary>
    public int Heads { get; init; }

    /// <summary>The embedding scales and shifts (ADM) instead of only shifting (DDPM++).</summary>
    public bool AdaptiveScale { get; init; }

    /// <summary>A 1×1 convolution in the skip path whenever the resolution changes.</summary>
    public bool ResampleProjection { get; init; } = true;

    /// <summary>Factor after each sum.</summary>
    public double SkipScale { get; init; } = Math.Sqrt(0.5);

    /// <summary>ε of the normalisations.</summary>
    public double Eps { get; init; } = 1e-6;

    /// <summary>Dropout probability.</summary>
    public double Dropout { get; init; }

    /// <summary>How convolutions and the embedding's layer start.</summary>
    public LayerInit Init { get; init; } = LayerInit.Xavier();

    /// <summary>How queries, keys and values start.</summary>
    public LayerInit AttentionInit { get; init; } = LayerInit.Xavier(Math.Sqrt(0.2));

    /// <summary>How the last layer of each branch starts: at or near zero, so that a fresh block passes its input on.</summary>
    public LayerInit LastInit { get; init; } = LayerInit.Xavier(1e-5);
}

/// <summary>
/// Residual block of DDPM++ and ADM (Song et al. 2021, Dhariwal and Nichol 2021), with EDM's weight names.
/// </summary>
public sealed class UNetBlock : NetworkPart
{
    private readonly GroupNorm _norm0,
        _norm1;
    private readonly Conv2d _conv0,
        _conv1;
    private readonly Conv2d? _skip,
        _qkv,
        _proj;
    private readonly GroupNorm? _norm2;
    private readonly Linear _affine;
    private readonly UNetBlockOptions _options;
    private readonly Generator _dropoutGenerator;

    /// <summary>A block from <paramref name="inputs"/> to <paramref name="outputs"/> channels.</summary>
    public UNetBlock(long inputs, long outputs, UNetBlockOptions options, WeightSource random)
    {
        (Inputs, Outputs, _options, _dropoutGenerator) = (inputs, outputs, options, random.Random);
        _norm0 = Register("norm0", new GroupNorm(inputs, random, options.Eps));
        _conv0 = Register("conv0", new Conv2d(inputs, outputs, 3, random, options.Resample, options.Init));
        _affine = Register(
            "affine",
            new Linear(options.EmbeddingChannels, outputs * (options.AdaptiveScale ? 2 : 1), random, init: options.Init)
        );
        _norm1 = Register("norm1", new GroupNorm(outputs, random, options.Eps));
        _conv1 = Register("conv1", new Conv2d(outputs, outputs, 3, random, init: options.LastInit));
        if (outputs != inputs || options.Resample != Resample.None)
        {
            _skip = Register(
                "skip",
                new Conv2d(inputs, outputs, options.ResampleProjection || outputs != inputs ? 1 : 0, random, options.Resample, options.Init)
            );
        }
        if (options.Heads > 0)
        {
            _norm2 = Register("norm2", new GroupNorm(outputs, random, options.Eps));
            _qkv = Register("qkv", new Conv2d(outputs, outputs * 3, 1, random, init: options.AttentionInit));
            _proj = Register("proj", new Conv2d(outputs, outputs, 1, random, init: options.LastInit));
        }
    }

    /// <summary>Channels in.</summary>
    public long Inputs { get; }

    /// <summary>Channels out.</summary>
    public long Outputs { get; }

    /// <summary>[N,C,H,W] and embedding [N,E] → [N,C',H',W'].</summary>
    public Tensor forward(Tensor x, Tensor embedding)
    {
        var (h, original) = _norm0.Branch(x, silu: true);
        x = _conv0.forward(h);
        var shift = _affine.forward(embedding);
        if (_options.AdaptiveScale)
        {
            var parts = shift.to(x.dtype).unsqueeze(2).unsqueeze(3).chunk(2, dim: 1);
            x = (_norm1.forward(x) * parts[0].Plus(1) + parts[1]).silu();
        }
        else
        {
            x = _norm1.ForwardSiLU(x, shift);
        }
        // (f(x) + skip) · s, with s inside the convolutions
        var s = _options.SkipScale;
        x = _skip is null ? _conv1.forward(Dropout(x), s, original, s) : _conv1.forward(Dropout(x), s, _skip.forward(original, s));
        if (_options.Heads == 0)
        {
            return x;
        }
        (h, original) = _norm2!.Branch(x, silu: false);
        return _proj!.forward(Attention(h), s, original, s);
    }

    private Tensor Dropout(Tensor x)
    {
        if (_options.Dropout == 0 || !training)
        {
            return x;
        }
        // a GPU has a generator of its own, which every iteration seeds anew (DropoutSeed): TorchSharp's are the CPU's
        if (x.device_type != DeviceType.CPU)
        {
            return torch.nn.functional.dropout(x, _options.Dropout, training: true);
        }
        var keep = 1 - _options.Dropout;
        return (x * torch.empty(x.shape, x.dtype).bernoulli_(keep, _dropoutGenerator)).Over(keep);
    }

    // softmax(qᵀk/√d) over pixels, per head; the heads' channels are interleaved as (head, channel, q|k|v)
    private Tensor Attention(Tensor x)
    {
        var (n, c, h, w) = (x.size(0), x.size(1), x.size(2), x.size(3));
        var d = c / _options.Heads;
        // [q|k|v, N, heads, pixels, channels] in that order: without the axis of heads, or where channels do not lie side by side, libtorch
        // takes single operators instead of its fused attention
        var parts = _qkv!.forward(x).reshape(n, _options.Heads, d, 3, h * w).permute(3, 0, 1, 4, 2).contiguous().unbind(0);
        var attended = torch.nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
        return attended.transpose(2, 3).reshape(n, c, h, w);
    }
}
