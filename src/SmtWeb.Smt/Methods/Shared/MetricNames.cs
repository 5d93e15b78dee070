using SmtWeb.Smt.Session;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>Names of the curves: <c>group/name</c>. The panel draws one chart per name, grouped.</summary>
public static class MetricNames
{
    /// <summary>Denoising loss of the warm-up.</summary>
    public const string WarmupLoss = "loss/warm-up";

    /// <summary>Denoising loss of a diffusion run.</summary>
    public const string DenoisingLoss = "loss/denoising";

    /// <summary>Denoising loss of the fake score in distillation.</summary>
    public const string FakeDenoisingLoss = "loss/fake-denoising";

    /// <summary>
    /// The two terms of distillation that train the log-density ratio alone: the sum of <see cref="ScoreRealLoss"/> and
    /// <see cref="ScoreFakeLoss"/>.
    /// </summary>
    public const string RatioLoss = "loss/density-ratio";

    /// <summary>½ mean of the squared weighted direction of Eq. (9).</summary>
    public const string GeneratorLoss = "loss/generator";

    /// <summary>GAN term of the generator, Eq. (11).</summary>
    public const string GeneratorGanLoss = "loss/generator-gan";

    /// <summary>Mixture score matching loss, Eq. (8): the sum of the next two.</summary>
    public const string ScoreLoss = "loss/score";

    /// <summary>Its α-weighted part on real samples.</summary>
    public const string ScoreRealLoss = "alpha-weighted/score-real";

    /// <summary>Its (1-α)-weighted part on generated samples.</summary>
    public const string ScoreFakeLoss = "alpha-weighted/score-fake";

    /// <summary>Discriminator loss, App. D.2.</summary>
    public const string DiscriminatorLoss = "loss/discriminator";

    /// <summary>Gradient norm of the generator before clipping.</summary>
    public const string GeneratorGradient = "gradient/generator";

    /// <summary>Gradient norm of the score network before clipping.</summary>
    public const string ScoreGradient = "gradient/score";

    /// <summary>Learning rate of the generator.</summary>
    public const string GeneratorRate = "rate/generator";

    /// <summary>Learning rate of the score network.</summary>
    public const string ScoreRate = "rate/score";

    /// <summary>Real samples per second since the last point.</summary>
    public const string ImagesPerSecond = "speed/images-per-second";

    /// <summary>Steps skipped because of a non-finite loss or gradient, in all attempts.</summary>
    public const string SkippedSteps = "steps/skipped";

    /// <summary>Fréchet distance of an evaluation; also an <see cref="EvaluationRecord"/>.</summary>
    public const string Fid = "distance/fid";

    /// <summary>Share of generated points off the Swiss roll at an evaluation.</summary>
    public const string OffRoll = "distance/off-roll";

    /// <summary>Sliced Wasserstein-2 distance of an evaluation; also an <see cref="EvaluationRecord"/>.</summary>
    public const string SlicedWasserstein = "distance/sw2";

    /// <summary>Sliced Wasserstein-2 distance in pixel space.</summary>
    public const string PixelWasserstein = "distance/swd";
}
