using SmtWeb.Smt.Methods.Smd;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.ScoreOfMixture;

/// <summary>The step that calls no network twice has the gradients of the released step's passes.</summary>
public sealed class SmdTrainerTests : TensorTest
{
    private const int Batch = 6;

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Step_WithoutRepeatedPasses_HasTheSameGradients(bool images, bool encoderLearns)
    {
        using var scope = torch.NewDisposeScope();
        var method = new SmdSpec
        {
            Teacher = "t",
            EncoderLearnsRatio = encoderLearns,
            GanGeneratorWeight = 0.5,
        };
        using var once = new Setup(method with { DropRepeatedPasses = true }, images);
        using var repeated = new Setup(method with { DropRepeatedPasses = false }, images);
        using var random = new Generator(9, torch.CPU);
        var draws = Draws(once.Generator, random);
        var (g, s) = once.Step(draws);
        var (g2, s2) = repeated.Step(draws);
        Close(g2!.DivergenceLoss, g!.DivergenceLoss);
        Close(g2.GanLoss, g.GanLoss);
        Close(s2.DenoisingLoss, s.DenoisingLoss);
        Close(s2.RealLoss, s.RealLoss);
        Close(s2.FakeLoss, s.FakeLoss);
        Close(repeated.Trainer.θ.Parameters.Gradients, once.Trainer.θ.Parameters.Gradients);
        Close(repeated.Trainer.ψ.Parameters.Gradients, once.Trainer.ψ.Parameters.Gradients);
    }

    [Fact]
    public void Step_Joint_TrainsBothParts_AndTheTeacherStays()
    {
        using var scope = torch.NewDisposeScope();
        using var setup = new Setup(new SmdSpec { Teacher = "t", ScoreObjective = DistillationObjective.Joint }, images: true);
        using var random = new Generator(9, torch.CPU);
        var before = setup.Teacher.StateEntries().Select(t => t.Value.clone()).ToList();
        var (_, report) = setup.Step(Draws(setup.Generator, random));
        Assert.Equal(0, report.DenoisingLoss.ToDouble());
        var gradients = setup.Trainer.ψ.Parameters.Views(setup.Trainer.ψ.Parameters.Gradients).ToList();
        Assert.True(gradients.Single(v => v.Name == "score.model.dec.16x16_aux_conv.weight").View.norm().ToDouble() > 0);
        Assert.True(gradients.Single(v => v.Name == "head.6.weight").View.norm().ToDouble() > 0);
        Assert.All(
            setup.Teacher.StateEntries().Zip(before),
            pair => Assert.Equal(pair.Second.ToArray<float>(), pair.First.Value.ToArray<float>())
        );
    }

    private static void Close(Tensor expected, Tensor actual)
    {
        var scale = expected.norm().ToDouble();
        Assert.True(scale > 0, "The comparison is of nothing but zeros.");
        Assert.InRange((actual - expected).norm().ToDouble() / scale, 0, 1e-5);
    }

    // α at both ends too, where a row has no weight and log(α/(1-α)) is infinite
    private static (Tensor x, Tensor z, SmdGeneratorDraws G, SmdScoreDraws S) Draws(Denoiser network, Generator random)
    {
        long[] shape = [Batch, .. network.SampleShape];
        Tensor Normal() => torch.randn(shape, generator: random);
        Tensor Level() => (torch.randn([Batch], generator: random) * 1.2 - 1.2).exp();
        float[] α = [0, 0.5f, 1, 0.25f, 0.001f, 0.9f];
        return (
            Normal() * 0.5,
            Normal(),
            new(Level(), Normal(), Tensors.Of([0.5f, 1, 0.75f, 0.9f, 0.6f, 0.55f], [Batch])),
            new(Level(), Normal(), Level(), Normal(), Normal(), Tensors.Of(α, [Batch]), α)
        );
    }

    private sealed class Setup : IDisposable
    {
        internal Setup(SmdSpec method, bool images)
        {
            using var random = new Generator(3, torch.CPU);
            (Generator, Teacher, var denoiser) = (Network(images, random), Network(images, random), Network(images, random));
            DiscriminatorHead head = denoiser is ImageDenoiser image
                ? new ClassHead(image.Model.BottleneckChannels, image.Model.BottleneckSide, random, 4)
                : new MlpHead(denoiser.BottleneckShape[0], random);
            Fake = new FakeScore(denoiser, head);
            // EDM starts its last layer near zero, where neither denoiser says anything
            foreach (var network in new[] { Generator, Teacher, denoiser })
            {
                foreach (var (name, p) in network.ParameterEntries())
                {
                    if (name.EndsWith("aux_conv.weight", StringComparison.Ordinal))
                    {
                        using var _ = torch.no_grad();
                        p.copy_(torch.randn(p.shape, generator: random) * 0.1);
                    }
                }
            }
            Trainer = new SmdTrainer(Generator, Fake, Teacher, method, new OptimisationSpec { GradientClip = 1e9 });
        }

        internal Denoiser Generator { get; }

        internal Denoiser Teacher { get; }

        internal FakeScore Fake { get; }

        internal SmdTrainer Trainer { get; }

        internal (SmdGeneratorReport?, SmdScoreReport) Step((Tensor x, Tensor z, SmdGeneratorDraws G, SmdScoreDraws S) d) =>
            Trainer.Step(d.x, null, d.z, null, d.G, d.S, 1e-4, 1e-4);

        private static Denoiser Network(bool images, Generator random) =>
            images
                ? new ImageDenoiser(
                    new DdpmPlusPlusOptions
                    {
                        Resolution = 16,
                        ImageChannels = 3,
                        ModelChannels = 16,
                        ChannelMultipliers = [1, 2],
                        BlocksPerLevel = 1,
                        AttentionResolutions = [],
                        Dropout = 0,
                    },
                    random
                )
                : new MlpDenoiser(32, 2, amortized: false, random);

        public void Dispose()
        {
            Trainer.Dispose();
            Fake.Dispose();
            Teacher.Dispose();
            Generator.Dispose();
        }
    }
}
