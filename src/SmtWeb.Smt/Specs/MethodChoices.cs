using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Distribution of α (Sec. 3.5 and the released scripts).</summary>
public enum AlphaSampler
{
    /// <summary>Sec. 3.5, score: with probability 1/4 exactly 0, else uniform over 1000 equally spaced points of [0,1].</summary>
    [Choice("Paper, score", "A quarter of the draws exactly 0, the rest uniform over 1000 points of [0,1] (Sec. 3.5).")]
    UniformQuarterZero,

    /// <summary>Sec. 3.5, generator: uniform over {1..1000}/1000 (α = 0 has no gradient).</summary>
    [Choice("Paper, generator", "Uniform over {1..1000}/1000; α = 0 has no gradient (Sec. 3.5).")]
    UniformNoZero,

    /// <summary>Released SMT score script: half of the draws from {0, 1/2, 1}, half uniform over {0..1000}/1000.</summary>
    [Choice("Released code, score", "Half of the draws from {0, 1/2, 1}, half uniform over {0..1000}/1000.")]
    ReleasedScore,

    /// <summary>Released SMD score script: a quarter of the draws 0, the rest uniform over {0..1000}/1000.</summary>
    [Choice("Released code, distillation score", "A quarter of the draws 0, the rest uniform over {0..1000}/1000.")]
    ReleasedDistillationScore,

    /// <summary>Released SMD generator script: uniform over {500..1000}/1000.</summary>
    [Choice("Released code, distillation generator", "Uniform over {500..1000}/1000, so α is at least 1/2.")]
    UpperHalf,

    /// <summary>Ablation of Fig. 1b: α ∈ {0, 1} only, each with probability 1/2.</summary>
    [Choice("0 and 1 only", "Each with probability 1/2: the ablation of Fig. 1b.")]
    ZeroOne,

    /// <summary>α = 1 only: the reverse KL of DMD.</summary>
    [Choice("1 only", "The reverse KL of DMD.")]
    One,
}

/// <summary>Weight of the generator gradient, Eq. (10).</summary>
public enum AdaptiveWeight
{
    /// <summary>w_α · w_DMD, Eq. (10).</summary>
    [Choice("w_α · w_DMD", "Eq. (10).")]
    AlphaAndDmd,

    /// <summary>w_DMD only, Eq. (32).</summary>
    [Choice("w_DMD only", "Eq. (32): the ablation of Fig. 1b.")]
    DmdOnly,
}

/// <summary>Form of the GAN terms.</summary>
public enum GanForm
{
    /// <summary>Generator softplus(-l); discriminator α·sp(-l_real) + (1-α)·sp(l_fake): the released code.</summary>
    [Choice("Released code", "Generator sp(-l); discriminator α·sp(-l_real) + (1-α)·sp(l_fake).")]
    Released,

    /// <summary>Logits shifted by log(α/(1-α)): Eq. (11) and App. D.2.</summary>
    [Choice("Paper", "Logits shifted by log(α/(1-α)): Eq. (11) and App. D.2.")]
    Paper,
}

/// <summary>Class labels of the fakes.</summary>
public enum FakeLabels
{
    /// <summary>The labels of the real batch (released SMT scripts).</summary>
    [Choice("Of the real batch", "As the released SMT scripts do.")]
    RealBatch,

    /// <summary>Uniform random labels.</summary>
    [Choice("Uniform", "Random labels, every class equally likely.")]
    Uniform,
}

/// <summary>What trains the fake score and the log-density ratio of distillation.</summary>
public enum DistillationObjective
{
    /// <summary>
    /// Three terms: denoising of the fakes, and the distances of the explicit mixture score to the fake score (on fakes)
    /// and to the teacher's (on real samples), which train the log-density ratio alone: the released code.
    /// </summary>
    [Choice("Released code, three terms", "Denoising of the fakes, plus two terms that train the log-density ratio alone.")]
    ThreeTerms,

    /// <summary>One regression of the explicit mixture score on clean samples: Eq. (14).</summary>
    [Choice("Paper, joint regression", "Eq. (14): the explicit mixture score against clean samples trains both parts at once.")]
    Joint,
}

/// <summary>Weight of Eq. (15) in the generator update of distillation.</summary>
public enum DistillationWeight
{
    /// <summary>Eq. (15) times w_DMD of Eq. (32), as in the released code.</summary>
    [Choice("w_DMD", "Eq. (15) times w_DMD of Eq. (32): the released code.")]
    Dmd,

    /// <summary>Eq. (15) as it stands.</summary>
    [Choice("None", "Eq. (15) as it stands; its size then changes with the noise level as σ⁻².")]
    None,
}
