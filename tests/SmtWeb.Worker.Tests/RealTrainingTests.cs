using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Tests;

/// <summary>The real session on libtorch under the real worker: what the quickstart does, smaller.</summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class RealTrainingTests(PostgresFixture postgres)
{
    [Fact]
    public async Task SwissRoll_KilledOnTheWay_EndsWithTheNumbersOfAnUndisturbedRun()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)Trouble.Real,
            Optimisation = spec.Optimisation with { Iterations = 1500 },
            Evaluation = spec.Evaluation with { EveryIterations = 500, CheckpointEvery = 250, MetricsEvery = 10 },
        };
        long calm = await database.Store.CreateAsync(new("undisturbed", spec, null, 0, "tester"));
        await WorkerHarness.UntilAsync(database, calm, RunState.Finished);
        long hit = await database.Store.CreateAsync(new("killed", spec, null, 0, "tester"));
        Process.GetProcessById(await worker.TrainerPastAsync(hit, 400)).Kill();
        var detail = await WorkerHarness.UntilAsync(database, hit, RunState.Finished);

        Assert.Equal(2, detail.Attempts.Count);
        Assert.True(detail.Attempts[1].FirstIteration >= 250);
        var undisturbed = await CurveAsync(database, calm);
        Assert.Contains(undisturbed, p => p.Contains($" {detail.Summary.TotalIterations} "));
        Assert.Equal(undisturbed, await CurveAsync(database, hit));
        var evaluations = await database.Store.EvaluationsAsync(hit);
        Assert.Equal(
            (await database.Store.EvaluationsAsync(calm)).Select(e => (e.Record.Iteration, e.Record.Value)),
            evaluations.Select(e => (e.Record.Iteration, e.Record.Value))
        );
        Assert.True(evaluations[^1].Record.Final);
        Assert.Contains(await database.Store.PicturesAsync(hit), p => p.Kind is PictureKind.Scatter);
        Assert.NotNull(detail.Summary.BestDistance);

        await using var service = new GenerationService(
            database.Store,
            OneStepGenerator.Load,
            new(),
            NullLogger<GenerationService>.Instance
        );
        var model = Assert.IsType<GenerationResult.Done>(await service.DescribeAsync(hit, null)).Model;
        Assert.Equal(0, model.ClassCount);
    }

    /// <summary>Everything that does not depend on the clock, bit for bit.</summary>
    private static async Task<List<string>> CurveAsync(TestDatabase database, long run) =>
        [
            .. (await database.Store.MetricsAsync(run))
                .Points.Where(p =>
                    !p.Name.Contains("second", StringComparison.OrdinalIgnoreCase)
                    && !p.Name.Contains("memory", StringComparison.OrdinalIgnoreCase)
                )
                .Select(p => $"{p.Name} {p.Iteration} {p.Value:R}"),
        ];
}
