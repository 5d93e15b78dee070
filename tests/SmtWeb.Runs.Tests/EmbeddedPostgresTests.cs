using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class EmbeddedPostgresTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task StartAsync_Twice_KeepsWhatWasCommitted()
    {
        using var folder = new TemporaryFolder();
        await using (var server = await EmbeddedPostgres.StartAsync(folder.Path, NullLogger.Instance))
        {
            await using var database = new TestDatabase(server.ConnectionString);
            await database.Database.MigrateAsync();
            await Make.RunAsync(database, "kept");
        }

        Assert.False(File.Exists(Path.Combine(folder.Path, "data", "postmaster.pid")), "the server still runs");
        await using var again = await EmbeddedPostgres.StartAsync(folder.Path, NullLogger.Instance);
        await using var reopened = new TestDatabase(again.ConnectionString);
        Assert.Equal("kept", Assert.Single(await reopened.Store.ListAsync()).Name);
    }

    [Fact]
    public async Task StartAsync_WhileTheServerRuns_JoinsIt()
    {
        using var folder = new TemporaryFolder();
        await using var first = await EmbeddedPostgres.StartAsync(folder.Path, NullLogger.Instance);
        var second = await EmbeddedPostgres.StartAsync(folder.Path, NullLogger.Instance);
        Assert.True(second.Attached);
        Assert.Equal((first.ProcessId, first.ConnectionString), (second.ProcessId, second.ConnectionString));
    }

    [Fact]
    public async Task Kill_OfTheServer_WhileAnAttemptWrites_LosesAndDoublesNothing()
    {
        using var folder = new TemporaryFolder();
        await using var server = await EmbeddedPostgres.StartAsync(folder.Path, NullLogger.Instance);
        await using var database = new TestDatabase(server.ConnectionString);
        await database.Database.MigrateAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database, TimeSpan.FromMinutes(5)));
        const int batches = 400;
        bool killed = false;
        int before = server.ProcessId;
        for (int i = 1; i <= batches; i++)
        {
            if (i == batches / 2)
            {
                // In the middle of the stream, so that a commit may well be under way.
                _ = Task.Run(() =>
                {
                    Process.GetProcessById(server.ProcessId).Kill();
                    killed = true;
                });
            }

            await PostgresFaults.RetryAsync(() => writer.WriteAsync(Make.Metrics(i, Make.Point(i))), Patience, CancellationToken.None);
        }

        // The kill may fall behind the last write on a slow machine; one more write then meets it.
        SpinWait.SpinUntil(() => killed, Patience);
        await PostgresFaults.RetryAsync(
            () => writer.WriteAsync(Make.Metrics(batches + 1, Make.Point(batches + 1))),
            Patience,
            CancellationToken.None
        );
        var page = await PostgresFaults.RetryAsync(() => database.Store.MetricsAsync(id), Patience, CancellationToken.None);
        Assert.Equal(Enumerable.Range(1, batches + 1).Select(i => (long)i), page.Points.Select(p => p.Iteration));
        SpinWait.SpinUntil(() => server.ProcessId != before, Patience);
        Assert.NotEqual(before, server.ProcessId);
    }

    [Fact]
    public async Task StartAsync_BelowAFolderThatPostgresCannotEnter_SaysWhatToDo()
    {
        Assert.SkipUnless(PostgresProcess.IsRoot, "Only root changes the user.");
        using var closed = new TemporaryFolder();
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(closed.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            EmbeddedPostgres.StartAsync(Path.Combine(closed.Path, "pg"), NullLogger.Instance)
        );
        Assert.Contains($"cannot enter {closed.Path}", error.Message);
        Assert.Contains("--data", error.Message);
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public TemporaryFolder()
        {
            Assert.SkipWhen(PostgresBinaries.TryFind() is null, "PostgreSQL is not installed (apt-get install postgresql).");
            Directory.CreateDirectory(Path);
        }

        public string Path { get; } =
            System.IO.Path.Combine(System.IO.Path.GetTempPath(), "smtweb-pg-" + Guid.NewGuid().ToString("N")[..8]);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
