using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

/// <summary>A distillation waits for the diffusion run that it names, whoever asks for work, and says so.</summary>
[Trait("Needs", "Postgres")]
public sealed class TeacherTests(PostgresFixture postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ClaimAsync_TeacherNotFinished_PassesTheStudentOverUntilItIs()
    {
        await using var database = await postgres.DatabaseAsync();
        var teacher = await TeacherAsync(database);
        var student = await StudentAsync(database, $"#{teacher}", priority: 9);
        var other = await Make.RunAsync(database, "other");
        Assert.Equal([teacher, other, student], (await database.Store.ListAsync(Ct)).OrderBy(r => r.QueuePosition).Select(r => r.Id));
        Assert.Equal(
            $"Position 3 of 3: it waits for its teacher, run {teacher} (the teacher), which is queued itself. No worker is alive.",
            await WhyAsync(database, student)
        );

        // a second slot and a second worker find the other run, then nothing
        await database.Workers.BeatAsync(Make.Worker, "lab-pc:42", 2, Ct);
        var held = await Make.ClaimAsync(database);
        Assert.Equal(teacher, held.RunId);
        Assert.EndsWith("which is starting.", await WhyAsync(database, student));
        Assert.Equal(other, (await Make.ClaimAsync(database)).RunId);
        Assert.Null(await ClaimAsync(database));

        var writer = Make.Writer(database, held);
        await writer.BeginAsync("training", Ct);
        Assert.EndsWith($"run {teacher} (the teacher), which is running.", await WhyAsync(database, student));
        await Make.CheckpointAsync(writer, 8, Make.Bytes(10));
        await database.Store.PauseAsync(teacher, "ada", Ct);
        Assert.EndsWith("which is stopping.", await WhyAsync(database, student));
        await writer.EndAsync(RunState.Paused, "paused by ada", ct: Ct);
        Assert.Contains("which is paused: resume that run", await WhyAsync(database, student));
        Assert.Null(await ClaimAsync(database));

        await database.Store.ResumeAsync(teacher, "ada", Ct);
        await FinishAsync(database, await Make.ClaimAsync(database));
        Assert.Equal("Position 1 of 1: a worker is about to take it.", await WhyAsync(database, student));
        Assert.Equal(student, (await Make.ClaimAsync(database)).RunId);
    }

    [Fact]
    public async Task EndAsync_TeacherFailed_FailsTheStudentInWords_WhichResumedByHandDistilsWhatIsLeft()
    {
        await using var database = await postgres.DatabaseAsync();
        var teacher = await TeacherAsync(database);
        var student = await StudentAsync(database, $"{teacher}");
        var held = await Make.ClaimAsync(database);
        await Make.Writer(database, held).EndAsync(RunState.Failed, "out of memory", ct: Ct);

        var failed = (await database.Store.FindAsync(student, Ct))!.Summary;
        Assert.Equal(RunState.Failed, failed.State);
        Assert.StartsWith(
            $"its teacher, run {teacher} (the teacher), failed before it was finished (out of memory). Resume that run and then this one",
            failed.StateReason
        );
        Assert.NotNull(failed.Ended);
        Assert.Contains(
            await database.Store.EventsAsync(student, ct: Ct),
            e => e.State is RunState.Failed && e.Message.Contains("out of memory", StringComparison.Ordinal)
        );
        Assert.Null(await ClaimAsync(database));

        await database.Store.ResumeAsync(student, "ada", Ct);
        Assert.Equal(student, (await Make.ClaimAsync(database)).RunId);
    }

    [Fact]
    public async Task StopAsync_Teacher_FailsTheStudent_AndResumingBothLetsItWaitAgain()
    {
        await using var database = await postgres.DatabaseAsync();
        var teacher = await TeacherAsync(database);
        var student = await StudentAsync(database, $"{teacher}");
        await database.Store.CancelAsync(teacher, "ada", Ct);
        Assert.Contains("was cancelled by ada before it was finished", (await database.Store.FindAsync(student, Ct))!.Summary.StateReason);

        await database.Store.ResumeAsync(teacher, "ada", Ct);
        await database.Store.ResumeAsync(student, "ada", Ct);
        Assert.Contains("it waits for its teacher", await WhyAsync(database, student));

        // stopped while it trains: only when its trainer has left
        var held = await Make.ClaimAsync(database);
        await database.Store.CancelAsync(teacher, "ada", Ct);
        Assert.Equal(RunState.Queued, (await database.Store.FindAsync(student, Ct))!.Summary.State);
        await Make.Writer(database, held).EndAsync(RunState.Paused, "checkpoint written", ct: Ct);
        Assert.Equal(RunState.Failed, (await database.Store.FindAsync(student, Ct))!.Summary.State);
    }

    [Fact]
    public async Task ReportLostAsync_TeacherGivenUp_FailsTheStudent()
    {
        await using var database = await postgres.DatabaseAsync();
        var teacher = await TeacherAsync(database);
        var student = await StudentAsync(database, $"{teacher}");
        var run = await Make.ClaimAsync(database);
        for (var i = 1; i < RunQueue.MostFruitlessAttempts; i++)
        {
            run = await Make.LoseAndClaimAsync(database, run);
            Assert.Equal(RunState.Queued, (await database.Store.FindAsync(student, Ct))!.Summary.State);
        }

        Assert.True(await database.Queue.ReportLostAsync(teacher, run.Attempt, "it crashed", ct: Ct));
        Assert.Contains("given up after 3 attempts", (await database.Store.FindAsync(student, Ct))!.Summary.StateReason);
    }

    [Fact]
    public async Task DeleteAsync_Teacher_FailsThoseThatNeedIt_ButNotOneWithACheckpointOfItsOwn()
    {
        await using var database = await postgres.DatabaseAsync();
        var teacher = await TeacherAsync(database);
        await FinishAsync(database, await Make.ClaimAsync(database));
        var begun = await StudentAsync(database, $"{teacher}");
        var first = await Make.ClaimAsync(database);
        await Make.CheckpointAsync(Make.Writer(database, first), 4, Make.Bytes(10));
        await database.Queue.ReportLostAsync(begun, first.Attempt, "it crashed", ct: Ct);
        var waiting = await StudentAsync(database, $"{teacher}");

        await database.Store.DeleteAsync(teacher, "ada", Ct);

        Assert.Contains(
            $"run {teacher} (the teacher), was deleted by ada",
            (await database.Store.FindAsync(waiting, Ct))!.Summary.StateReason
        );
        Assert.Equal(RunState.Recovering, (await database.Store.FindAsync(begun, Ct))!.Summary.State);

        // and what failed only for that is undone with it
        await database.Store.RestoreAsync(teacher, "ada", Ct);
        Assert.Equal(RunState.Queued, (await database.Store.FindAsync(waiting, Ct))!.Summary.State);
    }

    [Theory]
    [InlineData("/etc/passwd", "files and addresses are not read")]
    [InlineData("http://example.org/teacher.pkl", "neither the number of a run nor the name of an imported model")]
    [InlineData("a model", "neither the number of a run nor the name of an imported model")]
    [InlineData("99999", "Run 99999 does not exist")]
    [InlineData("1", "only a diffusion model can be distilled")]
    [InlineData("2", "another network than this run")]
    [InlineData("3", "draws images of")]
    [InlineData("4", "has ended (Cancelled) without a checkpoint")]
    public async Task CreateAsync_TeacherThatCannotBeOne_IsRefusedWhenItIsQueued(string teacher, string why)
    {
        await using var database = await postgres.DatabaseAsync();
        var like = Presets.Find("fig5/teacher")!.Spec.ForQuickTest();
        await Make.RunAsync(database, "of another method");
        await Make.RunAsync(database, "of another network", spec: like with { Network = new MlpSpec { HiddenWidth = 64 } });
        await Make.RunAsync(database, "of other data", spec: Presets.Find("fashion-mnist-teacher")!.Spec.ForQuickTest());
        await database.Store.CancelAsync(await TeacherAsync(database), "ada", Ct);

        var refused = await Assert.ThrowsAsync<SpecException>(() => StudentAsync(database, teacher));

        var error = Assert.Single(refused.Errors);
        Assert.Equal("$.method.teacher", error.Path);
        Assert.Contains(why, error.Message);
        Assert.Equal(4, (await database.Store.ListAsync(Ct)).Count);
    }

    [Fact]
    public async Task CreateAsync_TeacherOfClassesOfOtherNames_IsRefusedByName()
    {
        await using var database = await postgres.DatabaseAsync();
        var like = Presets.Find("fashion-mnist-teacher")!.Spec.ForQuickTest();
        var data = new FolderSpec
        {
            Source = "pictures",
            Side = 32,
            Channels = 3,
            Classes = 2,
            ClassNames = ["1", "10"],
        };
        var teacher = await Make.RunAsync(database, "the teacher", spec: like with { Data = data });
        TrainingSpec Student(string[] names) =>
            like with
            {
                Method = new SmdSpec { Teacher = $"{teacher}" },
                Data = data with { Source = "others", ClassNames = names },
            };

        var refused = await Assert.ThrowsAsync<SpecException>(() => Make.RunAsync(database, "the student", spec: Student(["10", "zebra"])));
        Assert.Contains("class 0 is 1 there and 10 here", Assert.Single(refused.Errors).Message);
        await Make.RunAsync(database, "the student", spec: Student(["1", "10"]));
    }

    private static Task<long> TeacherAsync(TestDatabase database) =>
        Make.RunAsync(database, "the teacher", spec: Presets.Find("fig5/teacher")!.Spec.ForQuickTest());

    private static Task<long> StudentAsync(TestDatabase database, string teacher, int priority = 0)
    {
        var spec = Presets.Find("fig5/smd")!.Spec.ForQuickTest();
        return Make.RunAsync(database, "the student", priority, spec with { Method = (SmdSpec)spec.Method with { Teacher = teacher } });
    }

    private static async Task<string?> WhyAsync(TestDatabase database, long run) => (await database.Store.FindAsync(run, Ct))!.WaitsBecause;

    private static Task<ClaimedRun?> ClaimAsync(TestDatabase database) =>
        database.Queue.ClaimAsync(Guid.NewGuid(), "another:2", Make.Lease, Ct);

    private static async Task FinishAsync(TestDatabase database, ClaimedRun run)
    {
        var writer = Make.Writer(database, run);
        await writer.BeginAsync("training", Ct);
        await Make.CheckpointAsync(writer, 8, Make.Bytes(10));
        await writer.EndAsync(RunState.Finished, "All iterations done.", ct: Ct);
    }
}
