using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

/// <summary>Small things that tests need again and again.</summary>
internal static class Make
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    /// <summary>A lease that is over at once, of a claim that takes over what has run out.</summary>
    public static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    public static readonly Guid Worker = Guid.NewGuid();

    public static TrainingSpec Spec() => Presets.Find("swiss-roll")!.Spec.ForQuickTest();

    public static Task<long> RunAsync(TestDatabase database, string name = "a run", int priority = 0, TrainingSpec? spec = null) =>
        database.Store.CreateAsync(
            new NewRun(name, spec ?? Spec(), "swiss-roll", priority, "tester"),
            TestContext.Current.CancellationToken
        );

    public static async Task<ClaimedRun> ClaimAsync(TestDatabase database, TimeSpan? lease = null) =>
        await database.Queue.ClaimAsync(Worker, "test:1", lease ?? Lease) ?? throw new InvalidOperationException("Nothing to claim.");

    /// <summary>Takes the attempt for lost and claims the next one at once.</summary>
    public static async Task<ClaimedRun> LoseAndClaimAsync(TestDatabase database, ClaimedRun run)
    {
        Assert.True(await database.Queue.ReportLostAsync(run.RunId, run.Attempt, "killed by the test"));
        await database.SqlAsync("UPDATE runs SET not_before = NULL");
        for (int tries = 0; tries < 50; tries++)
        {
            // a claim passes over a run whose row the old attempt holds for one last (refused) write
            if (await database.Queue.ClaimAsync(Worker, "test:1", Lease) is { } next)
            {
                return next;
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        throw new InvalidOperationException("Nothing to claim.");
    }

    public static async Task<ClaimedEvaluation?> ClaimEvaluationAsync(TestDatabase database, TimeSpan? lease = null) =>
        await database.Items.ClaimAsync([JobQueues.Evaluations], "test:1", lease ?? Lease) is { } work
            ? await new EvaluationQueue(database.Database).BeginAsync(work)
            : null;

    public static AttemptWriter Writer(TestDatabase database, ClaimedRun run) => new(database.Database, run.RunId, run.Attempt);

    public static MetricPoint Point(long iteration, double value = 1, string name = "loss") =>
        new(name, iteration, iteration * 16, iteration * 0.1, value);

    public static JournalBatch Metrics(long number, params IEnumerable<MetricPoint> points) => new(number, [.. points], [], [], []);

    public static PictureRecord Picture(long iteration, PictureKind kind = PictureKind.Samples) =>
        new(kind, iteration, iteration * 16, 2, 2, 8, ["a", "b"], [1, 2, 3]);

    public static EvaluationRecord Evaluation(long iteration, double value) =>
        new("sw2", value, iteration, iteration * 16, iteration * 0.1, 32, 0, "", "", "", "", "ema", false);

    public static async Task<long> CheckpointAsync(AttemptWriter writer, long iteration, byte[] content, double? distance = null)
    {
        await using var stream = writer.Checkpoint(
            new(iteration, iteration * 16, iteration * 0.1, distance, "test"),
            TimeSpan.FromSeconds(20)
        );
        stream.Write(content);
        return await stream.CompleteAsync();
    }

    public static byte[] Bytes(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
