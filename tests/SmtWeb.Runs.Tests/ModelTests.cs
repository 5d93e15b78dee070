using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;

namespace SmtWeb.Runs.Tests;

/// <summary>Imported models in PostgreSQL.</summary>
[Trait("Needs", "Postgres")]
public sealed class ModelTests(PostgresFixture postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AddAsync_OfTwoChunks_ReadsBackEqual()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = Models(database);
        byte[] content = [.. Enumerable.Range(0, (8 << 20) + 1000).Select(i => (byte)(i * 31))];

        var stored = await models.AddAsync(Describe("teacher-1"), "ada", stream => stream.Write(content), Ct);

        Assert.Equal((content.Length, "ada"), (stored.Bytes, stored.By));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), stored.Sha256);
        await using var stream = await models.OpenAsync("teacher-1", Ct);
        using var read = new MemoryStream();
        await stream!.CopyToAsync(read, Ct);
        Assert.Equal(content, read.ToArray());
        var listed = Assert.Single(await models.ListAsync(Ct));
        Assert.Equal(Describe("teacher-1") with { Network = listed.Description.Network }, listed.Description);
        Assert.Equal(16, Assert.IsType<DdpmPpSpec>(listed.Description.Network).ModelChannels);
        Assert.Equal(2, await database.ScalarAsync<long>("SELECT count(*) FROM model_chunks"));
    }

    [Fact]
    public async Task AddAsync_WriterFails_LeavesNothing()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = Models(database);

        await Assert.ThrowsAsync<IOException>(() =>
            models.AddAsync(
                Describe("broken"),
                "ada",
                stream =>
                {
                    stream.Write(new byte[9 << 20]);
                    throw new IOException("cut off");
                },
                Ct
            )
        );

        Assert.Empty(await models.ListAsync(Ct));
        Assert.Null(await models.OpenAsync("broken", Ct));
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM model_chunks"));
    }

    [Fact]
    public async Task AddAsync_NameTaken_SaysTheWayOut()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = Models(database);
        await models.AddAsync(Describe("twin"), "ada", stream => stream.Write([1]), Ct);

        var error = await Assert.ThrowsAsync<ModelNameTakenException>(() =>
            models.AddAsync(Describe("twin"), "bob", stream => stream.Write([2]), Ct)
        );

        Assert.Contains("--name", error.Message);
        Assert.Equal("ada", Assert.Single(await models.ListAsync(Ct)).By);
    }

    [Fact]
    public async Task OpenAsync_ChunkChangedOnDisk_IsNoticed()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = Models(database);
        await models.AddAsync(Describe("rotten"), "ada", stream => stream.Write([1, 2, 3]), Ct);
        await database.SqlAsync("UPDATE model_chunks SET bytes = '\\x010204'");

        await using var stream = await models.OpenAsync("rotten", Ct);
        var error = await Assert.ThrowsAsync<IOException>(async () => await stream!.ReadExactlyAsync(new byte[3], Ct));
        Assert.Contains("SHA-256", error.Message);
    }

    [Fact]
    public async Task DeleteAsync_TeacherOfAWaitingRun_IsRefusedUntilItEnds()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = Models(database);
        await models.AddAsync(Describe("needed"), "ada", stream => stream.Write([1]), Ct);
        long run = await Make.RunAsync(database);
        await database.SqlAsync($"UPDATE runs SET spec = jsonb_set(spec, '{{method,teacher}}', '\"needed\"') WHERE id = {run}");

        var refused = await models.DeleteAsync("needed", Ct);
        await database.SqlAsync($"UPDATE runs SET state = 'Cancelled' WHERE id = {run}");
        var done = await models.DeleteAsync("needed", Ct);

        Assert.Equal(ChangeOutcome.Conflict, refused.Outcome);
        Assert.Contains($"Run {run}", refused.Problem);
        Assert.Equal(ChangeOutcome.Done, done.Outcome);
        Assert.Equal(ChangeOutcome.NotFound, (await models.DeleteAsync("needed", Ct)).Outcome);
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM model_chunks"));
    }

    private static IModelStore Models(TestDatabase database) => new ModelStore(database.Database, TimeProvider.System);

    private static TeacherDescription Describe(string name) =>
        new()
        {
            Name = name,
            Network = new DdpmPpSpec { ModelChannels = 16, ChannelMultipliers = [1, 1] },
            Resolution = 8,
            Channels = 3,
            Classes = 3,
            SigmaData = 0.5,
            Parameters = 73_000,
            SourceFile = "network.pkl",
            SourceSha256 = new string('a', 64),
            Source = "EDM snapshot (pickle, part 'ema'): EDMPrecond with SongUNet",
        };
}
