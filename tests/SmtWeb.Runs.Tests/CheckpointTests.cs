using System.Security.Cryptography;
using SmtWeb.Runs.Checkpoints;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class CheckpointTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(CheckpointWriter.ChunkBytes)]
    [InlineData((2 * CheckpointWriter.ChunkBytes) + 12345)]
    public async Task OpenCheckpointAsync_GivesBackWhatWasWritten(int length)
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        byte[] content = Make.Bytes(length);
        long checkpoint = await Make.CheckpointAsync(Make.Writer(database, await Make.ClaimAsync(database)), 7, content, 1.5);

        var facts = Assert.Single(await database.Store.CheckpointsAsync(id));
        Assert.Equal(
            (checkpoint, 7L, (long)length, 1.5, "test"),
            (facts.Id, facts.Iteration, facts.Bytes, facts.Distance!.Value, facts.Reason)
        );
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), facts.Sha256);
        await using var stream = await database.Store.OpenCheckpointAsync(id, checkpoint);
        using var copy = new MemoryStream();
        await stream!.CopyToAsync(copy);
        Assert.Equal(length, stream.Length);
        Assert.True(content.AsSpan().SequenceEqual(copy.ToArray()));
    }

    [Fact]
    public async Task Checkpoint_BeforeItIsComplete_IsInvisibleAndNeverGoneOnFrom()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, run);
        await Make.CheckpointAsync(writer, 2, Make.Bytes(10));
        await using var half = writer.Checkpoint(new(4, 64, 0.4, null, "test"), TimeSpan.FromSeconds(5));
        half.Write(Make.Bytes(CheckpointWriter.ChunkBytes + 5));
        long stored = await database.ScalarAsync<long>("SELECT id FROM checkpoints WHERE iteration = 4");

        Assert.Equal([2L], (await database.Store.CheckpointsAsync(id)).Select(c => c.Iteration));
        Assert.Null(await database.Store.OpenCheckpointAsync(id, stored));
        var second = await Make.LoseAndClaimAsync(database, run);
        Assert.Equal(2, second.FirstIteration);
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoint_chunks"));
    }

    [Fact]
    public async Task CompleteAsync_PastTheLastPoint_TellsHowFarTheRunIs()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await Make.CheckpointAsync(writer, 7, Make.Bytes(10));
        Assert.Equal(7, (await database.Store.FindAsync(id))!.Summary.Iteration);
        await Make.CheckpointAsync(writer, 5, Make.Bytes(10));
        Assert.Equal(7, (await database.Store.FindAsync(id))!.Summary.Iteration);
    }

    [Fact]
    public async Task Dispose_BeforeComplete_RemovesTheChunks()
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await using (var half = writer.Checkpoint(new(4, 64, 0.4, null, "test"), TimeSpan.FromSeconds(5)))
        {
            half.Write(Make.Bytes(CheckpointWriter.ChunkBytes));
            Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoint_chunks"));
        }

        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoints"));
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoint_chunks"));
    }

    [Fact]
    public async Task OpenCheckpointAsync_OfADamagedChunk_NamesItBeforeHandingOutItsBytes()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, run);
        await Make.CheckpointAsync(writer, 2, Make.Bytes(10), 3);
        long checkpoint = await Make.CheckpointAsync(writer, 4, Make.Bytes(CheckpointWriter.ChunkBytes + 100), 1);
        Assert.Equal(1, (await database.Store.FindAsync(id))!.Summary.BestDistance);
        await database.SqlAsync(
            "UPDATE checkpoint_chunks SET bytes = set_byte(bytes, 50, (get_byte(bytes, 50) + 1) % 256) WHERE checkpoint_id = "
                + $"{checkpoint} AND index = 1"
        );

        await using var stream = await database.Store.OpenCheckpointAsync(id, checkpoint);
        using var copy = new MemoryStream();
        var damage = await Assert.ThrowsAsync<DamagedCheckpointException>(() => stream!.CopyToAsync(copy));
        Assert.Equal((checkpoint, 1), (damage.CheckpointId, damage.Chunk));
        Assert.Equal(CheckpointWriter.ChunkBytes, copy.Length);

        // The attempt that found it gives the run back, and the next goes on from the checkpoint before.
        await writer.EndWithDamagedCheckpointAsync(checkpoint, damage.Message);
        Assert.Equal(3, (await database.Store.FindAsync(id))!.Summary.BestDistance);
        Assert.Equal([2L], (await database.Store.CheckpointsAsync(id)).Select(c => c.Iteration));
        Assert.Equal(2, (await Make.ClaimAsync(database)).FirstIteration);
    }

    [Fact]
    public async Task CompleteAsync_KeepsTheNewestAndTheBest()
    {
        await using var database = await postgres.DatabaseAsync();
        var spec = Make.Spec();
        long id = await Make.RunAsync(database, spec: spec with { Evaluation = spec.Evaluation with { CheckpointsKept = 2 } });
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        double[] distances = [5, 1, 3, double.NaN, 2, 4];
        for (int i = 0; i < distances.Length; i++)
        {
            await Make.CheckpointAsync(writer, i + 1, Make.Bytes(10), distances[i]);
        }

        Assert.Equal([2L, 5, 6], (await database.Store.CheckpointsAsync(id)).Select(c => c.Iteration));
        Assert.Equal(3, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoint_chunks"));
    }

    [Fact]
    public async Task Checkpoint_OnAFullDisk_IsRefusedWithTheReasonAndTheEarlierOneStays()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var disk = await SmallDisk.MountAsync(postgres.Folder, megabytes: 24);
        await disk.TakeAsync(database, "checkpoint_chunks");
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, run);
        byte[] first = Make.Bytes(CheckpointWriter.ChunkBytes + 1000);
        long earlier = await Make.CheckpointAsync(writer, 1, first);

        var full = await Assert.ThrowsAsync<CheckpointWriteException>(() =>
            Make.CheckpointAsync(writer, 2, Make.Bytes(4 * CheckpointWriter.ChunkBytes))
        );

        Assert.Contains("No space left on device", full.Message);
        Assert.Contains("Earlier checkpoints are intact", full.Message);
        Assert.Equal([1L], (await database.Store.CheckpointsAsync(id)).Select(c => c.Iteration));
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoints"));
        await using var stream = await database.Store.OpenCheckpointAsync(id, earlier);
        using var copy = new MemoryStream();
        await stream!.CopyToAsync(copy);
        Assert.True(first.AsSpan().SequenceEqual(copy.ToArray()));
        // The disk is full for checkpoints only: the run can still say why it pauses.
        await writer.EndAsync(RunState.Paused, full.Message);
        Assert.Contains("No space left", (await database.Store.FindAsync(id))!.Summary.StateReason);
    }
}
