using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

// The rules of the methods.
internal static partial class SpecRules
{
    private static IEnumerable<SpecError> CheckMethod(TrainingSpec spec) =>
        spec.Method switch
        {
            SmtSpec smt =>
            [
                .. Range("generatorNoise", "Generator noise", smt.GeneratorNoiseFrom, smt.GeneratorNoiseTo),
                .. Range("scoreNoise", "Score noise", smt.ScoreNoiseFrom, smt.ScoreNoiseTo),
                .. Alphas(smt.ScoreAlpha, smt.GeneratorAlpha),
                .. Discriminator(smt),
                .. Warmup(smt.WarmupIterations, smt.ScoreFromWarmup, spec),
                .. Steps(smt.GeneratorSteps),
                .. Turns("scoreUpdatesPerGeneratorUpdate", "Score updates per generator update", smt.ScoreUpdatesPerGeneratorUpdate, spec),
            ],
            SmdSpec smd =>
            [
                .. Range("generatorNoise", "Generator noise", smd.GeneratorNoiseFrom, smd.GeneratorNoiseTo),
                .. Range("scoreNoise", "Score noise", smd.ScoreNoiseFrom, smd.ScoreNoiseTo),
                .. NoZero(smd.GeneratorAlpha, "Eq. (15)"),
                .. OneSize(spec),
                .. Steps(smd.GeneratorSteps),
                .. Turns("scoreUpdatesPerGeneratorUpdate", "Score updates per generator update", smd.ScoreUpdatesPerGeneratorUpdate, spec),
            ],
            ReverseKlSpec kl =>
            [
                .. Range("generatorNoise", "Generator noise", kl.GeneratorNoiseFrom, kl.GeneratorNoiseTo),
                .. Range("scoreNoise", "Score noise", kl.ScoreNoiseFrom, kl.ScoreNoiseTo),
                .. Warmup(kl.WarmupIterations, kl.ScoreFromWarmup, spec),
                .. Turns("scoreUpdatesPerGeneratorUpdate", "Score updates per generator update", kl.ScoreUpdatesPerGeneratorUpdate, spec),
            ],
            GanSpec gan => Turns(
                "discriminatorUpdatesPerGeneratorUpdate",
                "Discriminator updates per generator update",
                gan.DiscriminatorUpdatesPerGeneratorUpdate,
                spec
            ),
            DiffusionGanSpec gan =>
            [
                .. Range("noise", "Noise", gan.NoiseFrom, gan.NoiseTo),
                .. Turns(
                    "discriminatorUpdatesPerGeneratorUpdate",
                    "Discriminator updates per generator update",
                    gan.DiscriminatorUpdatesPerGeneratorUpdate,
                    spec
                ),
            ],
            DiffusionSpec => [],
            _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Method, "unknown method"),
        };

    private static IEnumerable<SpecError> Range(string name, string label, int from, int to)
    {
        if (from > to)
        {
            yield return new SpecError(
                $"$.method.{name}To",
                $"{label} to is {to}, below {label} from ({from}); raise it or lower the other."
            );
        }
    }

    // Eq. (6) divides by α, and always needs the score at α = 0.
    private static IEnumerable<SpecError> Alphas(AlphaSampler score, AlphaSampler generator)
    {
        foreach (var error in NoZero(generator, "Eq. (6)"))
        {
            yield return error;
        }
        if (!ContainsZero(score))
        {
            yield return new SpecError(
                "$.method.scoreAlpha",
                $"α of the score loss is \"{SpecSchema.EnumName(score)}\", which never trains α = 0, which every generator update uses; "
                    + "use \"uniformQuarterZero\", \"releasedScore\" or \"zeroOne\"."
            );
        }
        if (score == AlphaSampler.ZeroOne && generator != AlphaSampler.One)
        {
            yield return new SpecError(
                "$.method.scoreAlpha",
                $"α of the score loss is \"zeroOne\", but α of the generator is \"{SpecSchema.EnumName(generator)}\", which asks the "
                    + "score at values in between; use \"one\" for the generator or another distribution for the score."
            );
        }
    }

    // the discriminator's α comes from the generator's distribution, and weighs its fakes by 1 - α
    private static IEnumerable<SpecError> Discriminator(SmtSpec smt)
    {
        if (smt.GanGeneratorWeight > 0 && smt.GanScoreWeight == 0)
        {
            yield return new SpecError(
                "$.method.ganScoreWeight",
                $"GAN weight, score (μ) is 0, but the generator's (λ) is {smt.GanGeneratorWeight}: it would follow a discriminator that "
                    + "never learns; set both, or both to 0."
            );
        }
        if (smt.GanScoreWeight > 0 && smt.GeneratorAlpha == AlphaSampler.One)
        {
            yield return new SpecError(
                "$.method.generatorAlpha",
                "α of the generator is \"one\", which gives the discriminator's fakes the weight 1 - α = 0, so that it would learn "
                    + "nothing; use \"uniformNoZero\", or set both GAN weights to 0."
            );
        }
    }

    private static IEnumerable<SpecError> NoZero(AlphaSampler generator, string equation)
    {
        if (ContainsZero(generator))
        {
            yield return new SpecError(
                "$.method.generatorAlpha",
                $"α of the generator is \"{SpecSchema.EnumName(generator)}\", which draws α = 0, where {equation} divides by zero; use "
                    + "\"uniformNoZero\", \"upperHalf\" or \"one\"."
            );
        }
    }

    private static IEnumerable<SpecError> Warmup(int iterations, bool scoreFromWarmup, TrainingSpec spec)
    {
        if (scoreFromWarmup && spec.Network is MlpSpec mlp && !mlp.SameSize())
        {
            yield return new SpecError(
                "$.method.scoreFromWarmup",
                "Score network from warm-up is on, but the score network has another size than the generator that is warmed up; switch "
                    + "it off, or set Score hidden width and Score hidden layers to 0."
            );
        }
        if (scoreFromWarmup && iterations == 0)
        {
            yield return new SpecError(
                "$.method.scoreFromWarmup",
                "Score network from warm-up is on, but Warm-up iterations is 0; switch it off or warm up."
            );
        }
    }

    private static IEnumerable<SpecError> OneSize(TrainingSpec spec)
    {
        if (spec.Network is MlpSpec mlp && !mlp.SameSize())
        {
            yield return new SpecError(
                "$.network.scoreHiddenLayers",
                "The score network has another size than the generator, but in a distillation all networks start from the teacher; set "
                    + "Score hidden width and Score hidden layers to 0."
            );
        }
    }

    private static IEnumerable<SpecError> Steps(int steps)
    {
        if (steps is not (1 or 2 or 4))
        {
            yield return new SpecError("$.method.generatorSteps", $"Generator steps is {steps}; generation takes 1, 2 or 4 steps.");
        }
    }

    private static IEnumerable<SpecError> Turns(string name, string label, int updates, TrainingSpec spec)
    {
        if (updates > spec.Optimisation.Iterations)
        {
            yield return new SpecError(
                $"$.method.{name}",
                $"{label} is {updates}, more than the {spec.Optimisation.Iterations} iterations: the generator would never be trained."
            );
        }
    }

    private static bool ContainsZero(AlphaSampler sampler) =>
        sampler switch
        {
            AlphaSampler.UniformQuarterZero
            or AlphaSampler.ReleasedScore
            or AlphaSampler.ReleasedDistillationScore
            or AlphaSampler.ZeroOne => true,
            AlphaSampler.UniformNoZero or AlphaSampler.UpperHalf or AlphaSampler.One => false,
        };
}
