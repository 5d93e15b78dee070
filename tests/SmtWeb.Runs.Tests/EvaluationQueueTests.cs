using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class EvaluationQueueTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Checkpoint_OfARunMeasuredBeside_QueuesOneAndIsPinnedUntilScored()
    {
        await using var database = await postgres.DatabaseAsync();
        var spec = Make.Spec();
        spec = spec with { Evaluation = spec.Evaluation with { Measure = EvaluationMeasure.Quick, CheckpointsKept = 1 } };
        long run = await Make.RunAsync(database, spec: spec);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        long first = await Make.CheckpointAsync(writer, 10, Make.Bytes(10));
        var queue = new EvaluationQueue(database.Database);
        var job = await Make.ClaimEvaluationAsync(database);
        Assert.Equal((run, first, "quick"), (job!.RunId, job.CheckpointId, job.Protocol));

        long second = await Make.CheckpointAsync(writer, 20, Make.Bytes(10));
        Assert.Equal([first, second], (await database.Store.CheckpointsAsync(run)).Select(c => c.Id));

        Assert.True(await queue.CompleteAsync(job, Make.Evaluation(10, 0.5) with { Protocol = "quick", CheckpointId = first }));
        var evaluation = Assert.Single(await database.Store.EvaluationsAsync(run)).Record;
        Assert.Equal(
            (10L, 0.5, "quick", (long?)first),
            (evaluation.Iteration, evaluation.Value, evaluation.Protocol, evaluation.CheckpointId)
        );
        Assert.Equal(0.5, (await database.Store.FindAsync(run))!.Summary.BestDistance);
        Assert.Equal(0.5, (await database.Store.CheckpointsAsync(run))[0].Distance);

        // scored and worse than the newest: no longer pinned
        var next = await Make.ClaimEvaluationAsync(database);
        Assert.True(await queue.CompleteAsync(next!, Make.Evaluation(20, 0.25) with { CheckpointId = second }));
        long third = await Make.CheckpointAsync(writer, 30, Make.Bytes(10));
        Assert.Equal([second, third], (await database.Store.CheckpointsAsync(run)).Select(c => c.Id));
    }

    [Fact]
    public async Task Evaluation_ByHand_IsOnTheCurveButDoesNotRank()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        var claimed = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, claimed);
        await writer.WriteAsync(new JournalBatch(1, [], [], [Make.Evaluation(10, 3)], []));
        long checkpoint = await Make.CheckpointAsync(writer, 10, Make.Bytes(10), 3);
        var queue = new EvaluationQueue(database.Database);
        Assert.Null(await Make.ClaimEvaluationAsync(database));
        Assert.Equal(ChangeResult.Done, await queue.EnqueueAsync(run, checkpoint, "edm-50k", "ada"));
        Assert.Equal(ChangeOutcome.Conflict, (await queue.EnqueueAsync(run, checkpoint, "edm-50k", "ada")).Outcome);
        Assert.Contains("quick", (await queue.EnqueueAsync(run, checkpoint, "edm", "ada")).Problem);
        Assert.Contains("trained to draw in 1 step", (await queue.EnqueueAsync(run, checkpoint, "quick-2-steps", "ada")).Problem);
        Assert.Equal(ChangeOutcome.NotFound, (await queue.EnqueueAsync(run, checkpoint + 1, "quick", "ada")).Outcome);

        var job = await Make.ClaimEvaluationAsync(database);
        Assert.True(await queue.RenewAsync(job!.JobId, job.Attempt, Make.Lease, "images", 0.5));
        Assert.Equal(
            (EvaluationJobState.Running, 0.5, "images"),
            (await queue.OfRunAsync(run)).Select(j => (j.State, j.Progress, j.ProgressText!)).Single()
        );
        Assert.True(await queue.CompleteAsync(job, Make.Evaluation(10, 1) with { Protocol = "edm-50k", CheckpointId = checkpoint }));
        Assert.Equal([3.0, 1.0], (await database.Store.EvaluationsAsync(run)).Select(e => e.Record.Value));
        Assert.Equal(3, (await database.Store.FindAsync(run))!.Summary.BestDistance);
        Assert.Equal(3, (await database.Store.CheckpointsAsync(run)).Single().Distance);

        // a rewind looks at the run's own distances only
        await Make.LoseAndClaimAsync(database, claimed);
        Assert.Equal(3, (await database.Store.FindAsync(run))!.Summary.BestDistance);
    }

    [Fact]
    public async Task Attempt_ThatLostItsLease_IsRefusedAndTheThirdLossEndsIt()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        long checkpoint = await Make.CheckpointAsync(writer, 10, Make.Bytes(10));
        var queue = new EvaluationQueue(database.Database);
        await queue.EnqueueAsync(run, checkpoint, "quick", "ada");
        var first = await Make.ClaimEvaluationAsync(database);
        await database.SqlAsync("UPDATE work_items SET lease_until = now() - interval '1 second'");
        var second = await Make.ClaimEvaluationAsync(database, Make.Moment);
        Assert.False(await queue.RenewAsync(first!.JobId, first.Attempt, Make.Lease, null, 0));
        Assert.False(await queue.CompleteAsync(first, Make.Evaluation(10, 1)));
        Assert.Empty(await database.Store.EvaluationsAsync(run));

        await queue.ReportLostAsync(second!.JobId, second.Attempt, "killed by the test");
        var third = await Make.ClaimEvaluationAsync(database);
        Assert.Equal(3, third!.Attempt);
        await queue.ReportLostAsync(third.JobId, third.Attempt, "killed by the test");
        var job = Assert.Single(await queue.OfRunAsync(run));
        Assert.Equal(EvaluationJobState.Failed, job.State);
        Assert.Contains("killed by the test", job.Problem);
        Assert.Null(await Make.ClaimEvaluationAsync(database));
    }

    [Fact]
    public async Task Cancel_OfARunningEvaluation_RefusesItsResult()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        long checkpoint = await Make.CheckpointAsync(Make.Writer(database, await Make.ClaimAsync(database)), 10, Make.Bytes(10));
        var queue = new EvaluationQueue(database.Database);
        await queue.EnqueueAsync(run, checkpoint, "quick", "ada");
        var job = await Make.ClaimEvaluationAsync(database);
        Assert.Equal(ChangeResult.Done, await queue.CancelAsync(job!.JobId));
        Assert.False(await queue.CompleteAsync(job, Make.Evaluation(10, 1)));
        Assert.Equal(ChangeOutcome.Conflict, (await queue.CancelAsync(job.JobId)).Outcome);
    }
}
