using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>y = x Wᵀ + b.</summary>
public sealed class Linear : Layer
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;

    /// <summary>
    /// A layer from <paramref name="inputs"/> to <paramref name="outputs"/> features, Xavier-uniform unless <paramref name="init"/> says
    /// otherwise.
    /// </summary>
    public Linear(long inputs, long outputs, WeightSource random, bool bias = true, LayerInit? init = null)
    {
        init ??= LayerInit.Xavier();
        _weight = Register("weight", init.Weight([outputs, inputs], inputs, outputs, random));
        if (bias)
        {
            _bias = Register("bias", init.Bias(outputs, inputs, random));
        }
    }

    /// <summary>[N, inputs] → [N, outputs].</summary>
    public override Tensor forward(Tensor x) => torch.nn.functional.linear(x, _weight, _bias);
}

/// <summary>
/// Convolution, optionally after resampling with the [1,1] filter. That filter is average pooling downwards and nearest
/// upsampling upwards: the numbers of EDM's grouped (transposed) convolutions, far cheaper.
/// </summary>
public sealed class Conv2d : Layer
{
    private readonly Parameter? _weight,
        _bias;
    private readonly Resample _resample;

    /// <summary>A convolution with an odd <paramref name="kernel"/> and same padding; kernel 0 only resamples.</summary>
    public Conv2d(long inputs, long outputs, int kernel, WeightSource random, Resample resample = Resample.None, LayerInit? init = null)
    {
        _resample = resample;
        if (kernel > 0)
        {
            init ??= LayerInit.Xavier();
            _weight = Register(
                "weight",
                init.Weight([outputs, inputs, kernel, kernel], inputs * kernel * kernel, outputs * kernel * kernel, random)
            );
            _bias = Register("bias", init.Bias(outputs, inputs * kernel * kernel, random));
        }
        // EDM's state dicts hold the filter; it is a constant here and is stored only for their sake
        if (resample != Resample.None)
        {
            RegisterBuffer("resample_filter", Numbers.Full([1, 1, 2, 2], 0.25, random.Device));
        }
    }

    /// <summary>[N, inputs, H, W] → [N, outputs, H', W'], in the number format of <paramref name="x"/>.</summary>
    public override Tensor forward(Tensor x) => forward(x, scale: 1);

    /// <summary>
    /// [N, inputs, H, W] → [N, outputs, H', W'], in the number format of <paramref name="x"/>, times
    /// <paramref name="scale"/>, which multiplies the few weights instead of the many pixels, plus
    /// <paramref name="factor"/> · <paramref name="residual"/> [N, outputs, H', W'].
    /// </summary>
    public Tensor forward(Tensor x, double scale, Tensor? residual = null, double factor = 1)
    {
        if (_weight is not null)
        {
            return Fused.conv2d_residual(x, _weight, _bias, residual, scale, factor, _resample);
        }
        x = _resample switch
        {
            Resample.Up => torch.nn.functional.interpolate(x, scale_factor: [2, 2], mode: torch.InterpolationMode.Nearest),
            Resample.Down => torch.nn.functional.avg_pool2d(x, 2),
            Resample.None => x,
        };
        if (scale != 1)
        {
            x = x.Times(scale);
        }
        return residual is null ? x : x.PlusTimes(residual, factor);
    }
}

/// <summary>Group normalisation over min(32, C/4) groups.</summary>
public sealed class GroupNorm : Layer
{
    private readonly Parameter _weight,
        _bias;
    private readonly long _groups;
    private readonly double _eps;

    /// <summary>A normalisation of <paramref name="channels"/> channels.</summary>
    public GroupNorm(long channels, WeightSource random, double eps = 1e-5, long? groups = null)
    {
        _groups = groups ?? Math.Min(32, channels / 4);
        _eps = eps;
        _weight = Register("weight", torch.ones([channels], device: random.Device));
        _bias = Register("bias", torch.zeros([channels], device: random.Device));
    }

    /// <summary>[N,C,H,W] → the same.</summary>
    public override Tensor forward(Tensor x) => Fused.group_norm(x, null, _groups, _weight, _bias, _eps, silu: false);

    /// <summary>silu(normalised (x + shift)), what every residual block needs; <paramref name="shift"/> [N,C].</summary>
    public Tensor ForwardSiLU(Tensor x, Tensor? shift = null) => Fused.group_norm(x, shift, _groups, _weight, _bias, _eps, silu: true);

    /// <summary>
    /// Where a residual block begins: normalised x, by wish with SiLU, and x for the way around, which is to be used instead of
    /// <paramref name="x"/>: its gradient costs no pass of its own.
    /// </summary>
    public (Tensor Normalised, Tensor X) Branch(Tensor x, bool silu) => Fused.group_norm_branch(x, _groups, _weight, _bias, _eps, silu);
}
