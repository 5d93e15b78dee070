using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Measures;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Training;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Sampling;

/// <summary>In how many steps the generator of a checkpoint draws, and what it says where it was not trained for them.</summary>
public sealed class GenerationStepsTests : TensorTest
{
    [Fact]
    public void Points_OfAGeneratorOfFourSteps_AreThoseOfTheFewStepSampler()
    {
        var checkpoint = Train(Roll(new SmtSpec { GeneratorSteps = 4 }));
        using var model = OneStepGenerator.Load(new MemoryStream(checkpoint));
        Assert.Equal([1, 2, 4], model.StepChoices);
        var seeds = Enumerable.Range(0, 40).Select(k => (ulong)k).ToArray();

        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var (spec, _, tensors, _) = CheckpointFile.Read(
            new MemoryStream(checkpoint),
            name => name.StartsWith(CheckpointFile.AveragePrefix, StringComparison.Ordinal)
        );
        using var network = NetworkFactory.CreateGenerator(spec, random);
        network.LoadValues(tensors.ToDictionary(t => t.Key[CheckpointFile.AveragePrefix.Length..], t => t.Value));
        var drawn = new[] { 1, 2, 4 }.Select(steps => model.Points(seeds, steps)).ToList();
        foreach (var (steps, points) in new[] { 1, 2, 4 }.Zip(drawn))
        {
            Assert.Equal(
                new FewStepSampler(network, torch.CPU, steps).Draw(seeds, null).ToArray<float>(),
                points.SelectMany(p => new[] { p.X, p.Y })
            );
        }
        Assert.Equal(drawn[0], model.Points(seeds));
        Assert.NotEqual(drawn[0], drawn[1]);
        Assert.NotEqual(drawn[1], drawn[2]);
        Assert.Equal(drawn[2][35], model.Points([35], 4)[0]);
    }

    [Fact]
    public void Points_InMoreStepsThanTrainedFor_SaysHowToTrainThem()
    {
        using var model = OneStepGenerator.Load(new MemoryStream(Train(Roll(new SmtSpec()))));
        var error = Assert.Throws<ArgumentException>(() => model.Points([1], 2));
        Assert.Contains("2 steps are asked for; this model was trained to draw in 1 step", error.Message);
        Assert.Contains("$.method.generatorSteps 2", error.Message);
        Assert.Equal(model.Points([1]), model.Points([1], 1));
    }

    [Fact]
    public void Points_OfADiffusionModel_TakeItsOwnStepsAlone()
    {
        using var model = OneStepGenerator.Load(new MemoryStream(Train(Roll(new DiffusionSpec { SamplerSteps = 2 }))));
        Assert.Empty(model.StepChoices);
        Assert.Single(model.Points([1]));
        Assert.Contains("diffusion model", Assert.Throws<ArgumentException>(() => model.Points([1], 1)).Message);
    }

    [Fact]
    public void EvaluatePoints_InTwoSteps_MeasuresThoseAndSaysSo()
    {
        using var model = OneStepGenerator.Load(new MemoryStream(Train(Roll(new SmtSpec { GeneratorSteps = 2 }))));
        var protocol = EvaluationProtocol.Find("quick") with { Samples = 200 };
        var (one, two) = (ModelEvaluator.EvaluatePoints(model, protocol), ModelEvaluator.EvaluatePoints(model, protocol.WithSteps(2)));
        Assert.Equal((1, "quick"), (one.Steps, one.Protocol));
        Assert.Equal((2, "quick-2-steps"), (two.Steps, two.Protocol));
        var drawn = model.Points([.. Enumerable.Range(0, 200).Select(k => (ulong)k)], 2).SelectMany(p => new[] { p.X, p.Y }).ToArray();
        var roll = (SwissRollSpec)model.Spec.Data;
        Assert.Equal(
            SlicedWasserstein.Distance(SwissRoll.Draw(new HostRandom(seed: 0, stream: 5), 200, roll.Noise), drawn),
            two.Metrics[0].Min,
            1e-9
        );
        Assert.NotEqual(one.Metrics[0].Min, two.Metrics[0].Min);
        Assert.Equal(["steps per image: 1 and 2"], EvaluationComparison.Differences(one.ToRecord(), two.ToRecord()));
        Assert.Contains(
            "at most 2 steps",
            Assert.Throws<ArgumentException>(() => ModelEvaluator.EvaluatePoints(model, protocol.WithSteps(4))).Message
        );
    }

    [Fact]
    public void EvaluatePoints_OfADiffusionModel_CountsItsHeunSteps()
    {
        using var model = OneStepGenerator.Load(new MemoryStream(Train(Roll(new DiffusionSpec { SamplerSteps = 2 }))));
        var report = ModelEvaluator.EvaluatePoints(model, EvaluationProtocol.Find("quick") with { Samples = 50 });
        Assert.Equal((2, "quick"), (report.Steps, report.Protocol));
    }

    [Fact]
    public void Find_ProtocolWithSteps_IsTheOneThatNamesIt()
    {
        var two = EvaluationProtocol.Find("edm-50k").WithSteps(2);
        Assert.Equal(two, EvaluationProtocol.Find(two.Name));
        Assert.Equal("edm-50k", EvaluationProtocol.Find("edm-50k").WithSteps(1).Name);
        Assert.Null(EvaluationProtocol.TryFind("edm-50k-3-steps"));
    }

    [Theory]
    [InlineData(new[] { 1, 2 }, 4, "at most 2 steps")]
    [InlineData(new[] { 1, 2, 4 }, 3, "takes 1, 2 or 4")]
    [InlineData(new[] { 1 }, 0, "takes 1, 2 or 4")]
    [InlineData(new[] { 1, 2, 4 }, 4, null)]
    [InlineData(new int[0], null, null)]
    public void Problem_OfAChoice_IsNamed(int[] choices, int? steps, string? expected)
    {
        var problem = GenerationSteps.Problem(choices, steps);
        if (expected is null)
        {
            Assert.Null(problem);
        }
        else
        {
            Assert.Contains(expected, problem);
        }
    }

    [Fact]
    public void Of_EveryMethod_AllowsWhatItTrains()
    {
        Assert.Equal([1, 2], GenerationSteps.Of(new SmdSpec { GeneratorSteps = 2 }));
        Assert.Equal([1], GenerationSteps.Of(new GanSpec()));
        Assert.Equal([1], GenerationSteps.Of(new ReverseKlSpec()));
    }

    private static TrainingSpec Roll(MethodSpec method) => (Presets.Find("swiss-roll")!.Spec with { Method = method }).ForQuickTest();

    private static byte[] Train(TrainingSpec spec)
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(spec, journal, null, 1);
        return journal.Checkpoints[^1].Bytes;
    }
}
