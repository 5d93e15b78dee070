using SmtWeb.Smt.Networks;

namespace SmtWeb.Smt.Tests.Diffusion;

/// <summary>
/// The exact denoiser of N(0, s²): F = 0 leaves D = c_skip x = s²/(s² + σ²) x. With classes, class k shifts the mean to k,
/// D = m + c_skip (x - m).
/// </summary>
internal sealed class GaussianDenoiser(double s, int classes = 0, int size = 2) : Denoiser(s, classes)
{
    public override IReadOnlyList<long> SampleShape => [size];

    public override IReadOnlyList<long> BottleneckShape => [size];

    public override Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment)
    {
        if (labels is null)
        {
            return torch.zeros(scaled.shape, device: scaled.device);
        }
        // c_out F = (1 - c_skip) m
        var (c_skip, c_out, _, _) = EdmPrecond.Coefficients((c_noise * 4).exp(), SigmaData);
        var m = (labels * torch.arange(Classes, dtype: ScalarType.Float32)).sum([1]);
        return EdmPrecond.Like((1 - c_skip) * m / c_out, scaled) + torch.zeros(scaled.shape);
    }

    protected override (Tensor F, Tensor Bottleneck) RawWithBottleneck(
        Tensor scaled,
        Tensor c_noise,
        Tensor? α,
        Tensor? labels,
        bool decoderLearns
    ) => (Raw(scaled, c_noise, α, labels, null), scaled);

    protected override Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels) => scaled;
}
