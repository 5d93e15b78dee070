namespace SmtWeb.Smt.Networks;

/// <summary>
/// f_fake and ℓ of Algorithm 2: the denoiser of the generated distribution and the log-density-ratio head on its
/// bottleneck. Also the discriminator of the GAN baselines, which use the encoder and the head alone.
/// </summary>
public sealed class FakeScore : NetworkPart
{
    private readonly Denoiser _denoiser;
    private readonly DiscriminatorHead _head;

    /// <summary>Joins the two and owns them.</summary>
    public FakeScore(Denoiser denoiser, DiscriminatorHead head)
    {
        _denoiser = Register("score", denoiser);
        _head = Register("head", head);
    }

    /// <summary>f_fake, to be initialised from the teacher.</summary>
    public Denoiser Denoiser => _denoiser;

    /// <summary>f_fake(x_t; σ) ≈ E[x | x_t] under the generated distribution.</summary>
    public Tensor Denoise(Tensor x_t, Tensor σ, Tensor? labels) => _denoiser.forward(x_t, σ, null, labels);

    /// <summary>ℓ(x_t; σ) ≈ log p_t/q_t. [N]</summary>
    public Tensor LogDensityRatio(Tensor x_t, Tensor σ, Tensor? labels) => _head.forward(_denoiser.Bottleneck(x_t, σ, null, labels));

    /// <summary>Both with one pass of the encoder.</summary>
    public (Tensor f, Tensor ℓ) DenoiseWithRatio(Tensor x_t, Tensor σ, Tensor? labels, bool decoderLearns)
    {
        var (f, bottleneck) = _denoiser.ForwardWithBottleneck(x_t, σ, null, labels, decoderLearns);
        return (f, _head.forward(bottleneck));
    }

    /// <summary>ℓ as a function of a bottleneck that is already there.</summary>
    public Tensor Head(Tensor bottleneck) => _head.forward(bottleneck);
}
