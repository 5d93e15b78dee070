using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// EDM preconditioning (Karras et al. 2022, Table 1; Eq. (26) of the SMT paper):
/// D(x; σ) = c_skip x + c_out F(c_in x; c_noise).
/// </summary>
public static class EdmPrecond
{
    /// <summary>σ_data of images in [-1, 1].</summary>
    public const double ImageSigmaData = 0.5;

    /// <summary>The four coefficients, each of the shape of <paramref name="sigma"/> [N]; they have no gradient to spare.</summary>
    public static (Tensor Skip, Tensor Out, Tensor In, Tensor Noise) Coefficients(Tensor sigma, double sigmaData) =>
        Fused.edm_coefficients(sigma, sigmaData);

    /// <summary>x_t = x + σε: samples [N,…] at noise levels [N].</summary>
    public static Tensor Noisy(Tensor x, Tensor σ, Tensor ε) => Fused.mix_rows(null, x, σ, ε);

    /// <summary><paramref name="perSample"/> [N] with as many unit dimensions as <paramref name="x"/> has.</summary>
    public static Tensor Like(Tensor perSample, Tensor x)
    {
        for (var k = x.dim() - 1; k > 0; k--)
        {
            perSample = perSample.unsqueeze(-1);
        }
        return perSample;
    }
}
