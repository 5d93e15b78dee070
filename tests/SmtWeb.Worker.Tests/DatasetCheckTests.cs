using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>Checks of data sets under the real worker, each in a real process.</summary>
[Trait("Needs", "Postgres")]
public sealed class DatasetCheckTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Registered_FolderAndDamagedFolder_BecomeReadyFailedAndSkipped()
    {
        await using var database = await postgres.DatabaseAsync();
        var store = database.Services.GetRequiredService<DatasetStore>();
        var name = $"folder-{Guid.NewGuid():N}";
        var folder = Path.Combine(DatasetRoot.Folder, name);
        foreach (var (file, k) in new[] { "cat/1.png", "cat/2.png", "dog/3.png" }.Select((f, k) => (f, k)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, file))!);
            await File.WriteAllBytesAsync(
                Path.Combine(folder, file),
                new Raster(8, 8, 3, [.. Enumerable.Repeat((byte)(k * 50), 192)]).ToPng()
            );
        }

        var options = new WorkerOptions { ConnectionString = database.ConnectionString, TrainerProgram = [WorkerHarness.Program] };
        await using var worker = await WorkerHarness.StartAsync(database, options);
        try
        {
            var id = await store.RegisterAsync(new("good", name, "", false, 0, "tester"));
            var ready = await UntilAsync(store, id);
            Assert.True(ready.State == DatasetState.Ready, ready.Problem);
            Assert.Equal(("folder", 3, 8, 3), (ready.Kind, ready.Records, ready.Side, ready.Channels));
            Assert.Equal(["cat", "dog"], ready.ClassNames);
            Assert.Equal([2, 1], ready.ClassCounts);
            Assert.Equal(64, ready.Sha256!.Length);
            Assert.Equal([0x89, 0x50], (await store.SamplesPngAsync(id))!.Take(2));

            await File.WriteAllTextAsync(Path.Combine(folder, "dog", "4.png"), "no picture", CancellationToken.None);
            await store.CheckAgainAsync(id, skipCorrupt: false);
            var failed = await UntilAsync(store, id);
            Assert.Equal(DatasetState.Failed, failed.State);
            Assert.Contains("record 3 (dog/4.png)", failed.Problem);

            await store.CheckAgainAsync(id, skipCorrupt: true);
            var skipped = await UntilAsync(store, id);
            Assert.Equal((DatasetState.Ready, 3, 1), (skipped.State, skipped.Records, skipped.CorruptCount));
            Assert.NotEqual(ready.Sha256, skipped.Sha256);

            var missing = await UntilAsync(store, await store.RegisterAsync(new("missing", "nothing-here", "", false, 0, "tester")));
            Assert.Equal(DatasetState.Failed, missing.State);
            Assert.Contains("there is no such file", missing.Problem);
        }
        finally
        {
            await worker.StopAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<DatasetSummary> UntilAsync(DatasetStore store, long id)
    {
        for (long begin = Stopwatch.GetTimestamp(); ; await Task.Delay(50))
        {
            var found = (await store.FindAsync(id))!;
            if (found.State is DatasetState.Ready or DatasetState.Failed)
            {
                return found;
            }

            Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(90), $"still {found.State} ({found.Phase})");
        }
    }
}
