using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Tests;

/// <summary>
/// The chain of the paper's Sec. 4 inside SmtWeb: a diffusion run, then a distillation that names it, under the real worker.
/// </summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class DistillationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Smd_QueuedBesideItsTeacher_WaitsForItAndDistilsItIntoOneStep()
    {
        Assert.SkipUnless(
            Directory.Exists(FashionMnist.DefaultFolder),
            "Fashion-MNIST is missing (Debian: apt-get install dataset-fashion-mnist)."
        );
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database, slots: 2);
        long teacher = await database.Store.CreateAsync(
            new("teacher", Quick("fashion-mnist-teacher"), "fashion-mnist-teacher", 0, "tester")
        );
        var spec = Quick("fashion-mnist-smd");
        spec = spec with { Method = (SmdSpec)spec.Method with { Teacher = $"{teacher}" } };
        long run = await database.Store.CreateAsync(new("distilled", spec, "fashion-mnist-smd", 0, "tester"));
        // the second slot is free all the while
        var taught = await WorkerHarness.UntilAsync(database, teacher, RunState.Finished);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.True(Assert.Single(detail.Attempts).Started >= Assert.Single(taught.Attempts).Ended);
        var points = (await database.Store.MetricsAsync(run)).Points;
        Assert.Contains(points, p => p.Name == MetricNames.RatioLoss);
        Assert.Contains(points, p => p.Name == MetricNames.GeneratorLoss);
        Assert.All(points, p => Assert.True(double.IsFinite(p.Value), $"{p}"));

        // both serve generations: one in its Heun steps, the other in one
        await using var service = new GenerationService(
            database.Store,
            OneStepGenerator.Load,
            new(),
            NullLogger<GenerationService>.Instance
        );
        var drawn = Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, null, [1, 2], [3, 4])));
        Assert.Equal([1], drawn.Model.StepChoices);
        Assert.Equal(2, drawn.Images!.Count);
        Assert.Empty(Assert.IsType<GenerationResult.Done>(await service.DescribeAsync(teacher, null)).Model.StepChoices);
    }

    private static TrainingSpec Quick(string preset) => Presets.Find(preset)!.Spec.ForQuickTest() with { Seed = (long)Trouble.Real };
}
