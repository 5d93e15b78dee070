using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Data.Images;
using SmtWeb.Runs.Generations;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>Large generations as jobs of nodes that may die at any moment.</summary>
[Trait("Needs", "Postgres")]
public sealed class GenerationBatchTests(PostgresFixture postgres)
{
    private const int Images = 200,
        Piece = 64;
    private const ulong First = ulong.MaxValue - (Images - 1);

    [Fact]
    public async Task Batch_OfAProcessThatDied_IsGoneOnWithBehindItsLastPiece()
    {
        await using var database = await postgres.DatabaseAsync();
        var batches = database.Services.GetRequiredService<GenerationBatches>();
        long run = await GenerationTests.ModelsAsync(database, (7, null));
        long checkpoint = Assert.Single(await database.Store.CheckpointsAsync(run)).Id;
        long id = await batches.QueueAsync(new(run, checkpoint, First, Images, Label: null, Steps: 2, "ada"));

        // what a dead process drew is kept as it is
        var dead = (
            await database.Services.GetRequiredService<WorkItems>().ClaimAsync([JobQueues.Generations], "dead", TimeSpan.FromSeconds(15))
        )!;
        Assert.Equal(0, (await batches.BeginAsync(dead))!.Drawn);
        Assert.True(
            await batches.AddAsync(
                dead,
                new(0, [.. Enumerable.Repeat((byte[])[1, 2], Piece)], [.. Enumerable.Repeat(3, Piece)]),
                TimeSpan.FromSeconds(15)
            )
        );
        await database.SqlAsync("UPDATE work_items SET lease_until = now() - interval '1 second'");
        await Faults.UpForALeaseAsync(database);
        using var host = WorkerHarness.Host(
            database,
            services => services.AddGeneration(stream => new GenerationTests.EchoGenerator(stream))
        );
        await host.StartAsync();
        await Faults.UntilAsync(
            async () => (await batches.FindAsync(id))!.State is GenerationBatchState.Done or GenerationBatchState.Failed,
            "the batch"
        );

        var done = (await batches.FindAsync(id))!;
        Assert.Equal((GenerationBatchState.Done, null, Images, First), (done.State, done.Problem, done.Drawn, done.FirstSeed));
        var pieces = new List<GenerationPiece>();
        await foreach (var piece in batches.PiecesAsync(id))
        {
            pieces.Add(piece);
        }

        Assert.Equal([0, 64, 128, 192], pieces.Select(p => p.First));
        Assert.All(pieces[0].Pngs, png => Assert.Equal([1, 2], png));
        foreach (var (png, i) in pieces.Skip(1).SelectMany(p => p.Pngs).Select((png, i) => (png, i + Piece)))
        {
            ulong seed = First + (ulong)i;
            Assert.Equal(new Raster(4, 1, 1, [(byte)seed, (byte)(seed >> 8), (byte)(seed % 10), 2]).ToPng(), png);
        }

        Assert.Equal(
            Enumerable.Range(Piece, Images - Piece).Select(i => (int)((First + (ulong)i) % 10)),
            pieces.Skip(1).SelectMany(p => p.Labels)
        );
        Assert.False(
            await batches.AddAsync(
                dead,
                new(
                    64,
                    [
                        [9],
                    ],
                    [0]
                ),
                TimeSpan.FromSeconds(15)
            )
        );
        await host.StopAsync();
    }

    [Fact]
    public async Task Batch_OfACheckpointThatIsGone_FailsAndSaysSo()
    {
        await using var database = await postgres.DatabaseAsync();
        var batches = database.Services.GetRequiredService<GenerationBatches>();
        long run = await GenerationTests.ModelsAsync(database, (7, null));
        long id = await batches.QueueAsync(new(run, CheckpointId: 4711, 0, 10, null, null, "ada"));
        using var host = WorkerHarness.Host(
            database,
            services => services.AddGeneration(stream => new GenerationTests.EchoGenerator(stream))
        );
        await host.StartAsync();
        await Faults.UntilAsync(async () => (await batches.FindAsync(id))!.State is GenerationBatchState.Failed, "the failure");
        Assert.Contains("no complete checkpoint 4711", (await batches.FindAsync(id))!.Problem);
        Assert.True(await batches.RemoveAsync(id));
        Assert.Null(await batches.FindAsync(id));
        await host.StopAsync();
    }
}
