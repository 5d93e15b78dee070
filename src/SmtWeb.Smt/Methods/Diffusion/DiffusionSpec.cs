using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Denoising training of a diffusion model with EDM's loss (Karras et al. 2022; Sec. 2 of the SMT paper): the teacher of
/// distillation. It uses the generator's rate and schedule of the optimisation settings.
/// </summary>
[Choice("Diffusion (teacher)", "Denoising training with EDM's loss; the teacher of distillation.")]
public sealed record DiffusionSpec : MethodSpec
{
    /// <summary>Mean of ln σ, Eq. (24).</summary>
    [Setting("log σ mean", "Mean of ln σ of the training noise, Eq. (24); -1.2 in EDM.", Min = -10, Max = 10)]
    public double LogSigmaMean { get; init; } = -1.2;

    /// <summary>Standard deviation of ln σ, Eq. (24).</summary>
    [Setting("log σ deviation", "Standard deviation of ln σ, Eq. (24); 1.2 in EDM.", Min = 0, Max = 10)]
    public double LogSigmaDeviation { get; init; } = 1.2;

    /// <summary>Steps of the Heun sampler that draws the samples of an evaluation; n steps are 2n - 1 network calls.</summary>
    [Setting(
        "Sampler steps",
        "Heun steps of the samples drawn for evaluations; n steps cost 2n - 1 network calls (18 in EDM for CIFAR-10).",
        Min = 2,
        Max = 1000
    )]
    public int SamplerSteps { get; init; } = 18;
}
