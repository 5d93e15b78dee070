using System.Diagnostics;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>Worker processes that tests kill and stop.</summary>
internal static class Faults
{
    /// <summary>That of the product: a trainer is loaded within it on a busy machine, too.</summary>
    internal const int LeaseSeconds = 15;

    /// <summary>A worker process; it is killed with the test.</summary>
    internal static async Task<WorkerProcess> WorkAsync(TestDatabase database, int slots)
    {
        var process = Process.Start(
            new ProcessStartInfo(WorkerHarness.Program, ["work", $"{LeaseSeconds}", $"{slots}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            }
        )!;
        await process.StandardInput.WriteLineAsync(database.ConnectionString);
        await process.StandardInput.FlushAsync();
        return new(process);
    }

    /// <summary>Waits until so much is trained; returns the number of the attempt.</summary>
    internal static async Task<int> PastAsync(TestDatabase database, long run, long iteration) =>
        (
            await WorkerHarness.UntilAsync(
                database,
                run,
                d => d.Summary.State is RunState.Running && d.Summary.Iteration >= iteration,
                $"iteration {iteration}"
            )
        ).Attempt;

    internal static Task WorkersAsync(TestDatabase database, long count) =>
        UntilAsync(async () => await database.Workers.CountAliveAsync() == count, $"{count} workers");

    // nobody is taken for lost before the server has been up for a lease
    internal static Task UpForALeaseAsync(TestDatabase database) =>
        UntilAsync(
            () => database.ScalarAsync<bool>($"SELECT pg_postmaster_start_time() < now() - interval '{LeaseSeconds} seconds'"),
            "the server to be up"
        );

    internal static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (long begin = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(100))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, $"waited in vain for {what}");
        }
    }

    internal static int Trainer(int worker) =>
        Directory
            .GetDirectories($"/proc/{worker}/task")
            .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(int.Parse)
            .Distinct()
            .Single();

    internal sealed record WorkerProcess(Process Process) : IDisposable
    {
        public int Id => Process.Id;

        public void Kill() => Process.Kill();

        public void Dispose()
        {
            if (!Process.HasExited)
            {
                Process.Kill(entireProcessTree: true);
            }

            Process.Dispose();
        }
    }
}
