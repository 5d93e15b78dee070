using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>f_ψ and ℓ_ψ of Algorithm 1: the amortized denoiser and the discriminator head on its bottleneck.</summary>
public sealed class AmortizedScore : NetworkPart
{
    private readonly Denoiser _denoiser;
    private readonly DiscriminatorHead _head;

    /// <summary>Joins the two and owns them.</summary>
    public AmortizedScore(Denoiser denoiser, DiscriminatorHead head)
    {
        _denoiser = Register("score", denoiser);
        _head = Register("head", head);
    }

    /// <summary>f_ψ alone, to be initialised from a warmed-up denoiser.</summary>
    public Denoiser Denoiser => _denoiser;

    /// <summary>f_ψ(x_t; α, σ) ≈ E[x | x_t] under the mixture αp + (1-α)q.</summary>
    public Tensor Denoise(Tensor x_t, Tensor σ, Tensor α, Tensor? labels) => _denoiser.forward(x_t, σ, α, labels);

    /// <summary>ℓ_ψ(x_t; σ) ≈ log p_t/q_t, read from the bottleneck at α = 1/2 (Sec. 3.5). [N]</summary>
    public Tensor LogDensityRatio(Tensor x_t, Tensor σ, Tensor? labels)
    {
        var half = Numbers.Full([x_t.size(0)], 0.5, x_t.device);
        return _head.forward(_denoiser.Bottleneck(x_t, σ, half, labels));
    }
}
