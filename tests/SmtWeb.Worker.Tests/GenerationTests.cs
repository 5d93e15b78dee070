using System.Buffers.Binary;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Sampling;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Tests;

[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class GenerationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task GenerateAsync_OfManyRequestsAtOnce_SharesCallsAndGivesEachItsOwn()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, null));
        var loaded = new List<EchoGenerator>();
        await using var service = Service(database, loaded, new() { BatchImages = 50 });
        await service.DescribeAsync(run, null);
        loaded[0].Gate.Reset();
        var requests = Enumerable
            .Range(0, 40)
            .Select(i => service.GenerateAsync(new(run, null, [(ulong)i, (ulong)i + 1000, (ulong)i + 2000], [i % 10, 3, 4])))
            .ToList();
        var large = service.GenerateAsync(new(run, null, [.. Enumerable.Range(5000, 120).Select(s => (ulong)s)], null));
        Until(() => service.Waiting == 240);
        loaded[0].Gate.Set();

        for (int i = 0; i < requests.Count; i++)
        {
            var images = Assert.IsType<GenerationResult.Done>(await requests[i]).Images!;
            Assert.Equal([(ulong)i, (ulong)i + 1000, (ulong)i + 2000], images.Seeds);
            Assert.Equal([(i, i % 10), (i + 1000, 3), (i + 2000, 4)], EchoGenerator.Read(images));
        }

        var many = Assert.IsType<GenerationResult.Done>(await large).Images!;
        Assert.Equal(Enumerable.Range(0, 120).Select(i => (5000 + i, i % 10)), EchoGenerator.Read(many));
        Assert.True(loaded[0].Calls <= 8, $"{loaded[0].Calls} calls for 240 images in batches of 50");
        Assert.True(loaded[0].LargestCall <= 50);
    }

    [Fact]
    public async Task GenerateAsync_WithoutALabel_DrawsTheSameImageAloneAndInARange()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, null));
        await using var service = Service(database, [], new());
        async Task<IEnumerable<(int, int)>> Drawn(params ulong[] seeds) =>
            EchoGenerator.Read(Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, null, seeds, null))).Images!);

        Assert.Equal([(7, 7), (8, 8), (9, 9), (10, 0), (11, 1)], await Drawn(7, 8, 9, 10, 11));
        Assert.Equal([(9, 9)], await Drawn(9));
        Assert.Equal([(11, 1), (7, 7)], await Drawn(11, 7));
    }

    [Fact]
    public async Task GenerateAsync_OfDifferentSteps_GivesEachRequestItsOwn()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, null));
        var loaded = new List<EchoGenerator>();
        await using var service = Service(database, loaded);
        await service.DescribeAsync(run, null);
        loaded[0].Gate.Reset();
        int?[] steps = [null, 2, 2, 1, 4, null, 4];
        var requests = steps.Select((s, i) => service.GenerateAsync(new(run, null, [(ulong)i, (ulong)i + 100], [1, 2], s))).ToList();
        Until(() => service.Waiting == 2 * steps.Length);
        loaded[0].Gate.Set();
        for (int i = 0; i < requests.Count; i++)
        {
            var images = Assert.IsType<GenerationResult.Done>(await requests[i]).Images!;
            Assert.Equal([(i, 1), (i + 100, 2)], EchoGenerator.Read(images));
            Assert.All(images.Pixels.Chunk(4), p => Assert.Equal(steps[i] ?? 0, p[3]));
        }

        var invalid = Assert.IsType<GenerationResult.Invalid>(await service.GenerateAsync(new(run, null, [1], null, 3)));
        Assert.Equal("num_steps", invalid.Field);
        Assert.Contains("1, 2 or 4", invalid.Problem);
    }

    [Fact]
    public async Task GenerateAsync_TakesTheBestCheckpoint_OrTheOneAskedFor()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, 5d), (2, 3d), (3, 4d));
        var checkpoints = await database.Store.CheckpointsAsync(run);
        await using var service = Service(database, []);
        Assert.Equal(2, Assert.IsType<GenerationResult.Done>(await service.DescribeAsync(run, null)).Model.Iteration);
        Assert.Equal(3, Assert.IsType<GenerationResult.Done>(await service.DescribeAsync(run, checkpoints[2].Id)).Model.Iteration);
        var unknown = Assert.IsType<GenerationResult.UnknownModel>(await service.DescribeAsync(run, 12345));
        Assert.Contains($"{checkpoints[0].Id}, {checkpoints[1].Id}", unknown.Problem);
        Assert.IsType<GenerationResult.UnknownModel>(await service.DescribeAsync(99, null));
    }

    [Fact]
    public async Task GenerateAsync_OfMoreModelsThanFit_UnloadsTheLeastRecentlyUsed()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, null), (2, null), (3, null));
        var ids = (await database.Store.CheckpointsAsync(run)).Select(c => c.Id).ToList();
        var loaded = new List<EchoGenerator>();
        await using var service = Service(database, loaded, new() { Models = 2 });
        foreach (long id in (long[])[ids[0], ids[1], ids[0], ids[2], ids[0]])
        {
            Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, id, [1], null)));
        }

        Assert.Equal([1L, 2, 3], loaded.Select(g => g.Iteration));
        Until(() => loaded[1].Disposed);
        Assert.False(loaded[0].Disposed || loaded[2].Disposed);
    }

    [Fact]
    public async Task GenerateAsync_OfABadRequest_NamesTheField()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, null));
        await using var service = Service(database, [], new() { RequestImages = 10 });
        async Task<GenerationResult.Invalid> Bad(ulong[] seeds, int[]? labels) =>
            Assert.IsType<GenerationResult.Invalid>(await service.GenerateAsync(new(run, null, seeds, labels)));

        Assert.Equal("class_labels[1]", (await Bad([1, 2], [0, 10])).Field);
        Assert.Contains("classes 0 to 9", (await Bad([1, 2], [0, 10])).Problem);
        Assert.Equal("class_labels[0]", (await Bad([1], [-1])).Field);
        Assert.Equal("class_labels", (await Bad([1, 2], [0])).Field);
        Assert.Equal("seeds", (await Bad([], null)).Field);
        Assert.Equal("seeds", (await Bad(new ulong[11], null)).Field);
    }

    [Fact]
    public async Task GenerateAsync_WhenTooManyWait_IsTurnedAway()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, null));
        var loaded = new List<EchoGenerator>();
        await using var service = Service(database, loaded, new() { WaitingImages = 20 });
        await service.DescribeAsync(run, null);
        loaded[0].Gate.Reset();
        var waiting = service.GenerateAsync(new(run, null, new ulong[15], null));
        Until(() => service.Waiting == 15);
        var busy = Assert.IsType<GenerationResult.Busy>(await service.GenerateAsync(new(run, null, new ulong[6], null)));
        Assert.True(busy.RetryAfter >= TimeSpan.FromSeconds(1));
        loaded[0].Gate.Set();
        Assert.IsType<GenerationResult.Done>(await waiting);
        Until(() => service.Waiting == 0);
        // The places of those served are free again.
        Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, null, new ulong[20], null)));
    }

    [Fact]
    public async Task GenerateAsync_OfManyModelsAtOnce_LoadsOneAfterAnotherAndTurnsTheRestAway()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, [.. Enumerable.Range(1, 4).Select(i => ((long)i, (double?)null))]);
        var ids = (await database.Store.CheckpointsAsync(run)).Select(c => c.Id).ToList();
        using var gate = new SemaphoreSlim(0);
        Assert.True(ids.Count > 1);
        int loading = 0,
            most = 0;
        await using var service = new GenerationService(
            database.Store,
            stream =>
            {
                most = Math.Max(most, Interlocked.Increment(ref loading));
                gate.Wait(TimeSpan.FromSeconds(30));
                Interlocked.Decrement(ref loading);
                return new EchoGenerator(stream);
            },
            new() { Models = 1, NodeImages = 2 * ids.Count },
            NullLogger<GenerationService>.Instance
        );
        // All of them wait for models that are not there yet.
        var waiting = ids.Select(id => service.GenerateAsync(new(run, id, [1, 2], null))).ToList();
        Until(() => loading == 1);
        var busy = Assert.IsType<GenerationResult.Busy>(await service.GenerateAsync(new(run, ids[0], [3], null)));
        Assert.Contains($"{2 * ids.Count} images wait for the models of this node", busy.Problem);
        gate.Release(ids.Count * 2);
        Assert.All(await Task.WhenAll(waiting), r => Assert.IsType<GenerationResult.Done>(r));
        Assert.Equal(1, most);
        Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, ids[0], [3], null)));
    }

    [Fact]
    public async Task GenerateAsync_OfADamagedModel_SetsItAsideAndDrawsFromAWholeOne()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await ModelsAsync(database, (1, 0.5), (2, 0.1));
        var best = (await database.Store.CheckpointsAsync(run)).MaxBy(c => c.Iteration)!.Id;
        await database.SqlAsync($"UPDATE checkpoint_chunks SET bytes = set_byte(bytes, 3, 255) WHERE checkpoint_id = {best}");
        await using var service = Service(database, []);
        Assert.Equal(1, Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, null, [1], null))).Model.Iteration);
        var named = Assert.IsType<GenerationResult.UnknownModel>(await service.GenerateAsync(new(run, best, [1], null)));
        Assert.Contains($"no complete checkpoint {best}", named.Problem);

        await database.SqlAsync("UPDATE checkpoint_chunks SET bytes = set_byte(bytes, 3, 255)");
        await using var later = Service(database, []);
        Assert.IsType<GenerationResult.UnknownModel>(await later.GenerateAsync(new(run, null, [1], null)));
    }

    private static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(30)));

    private static GenerationService Service(TestDatabase database, List<EchoGenerator> loaded, GenerationOptions? options = null) =>
        new(
            database.Store,
            stream =>
            {
                var generator = new EchoGenerator(stream);
                loaded.Add(generator);
                return generator;
            },
            options ?? new(),
            NullLogger<GenerationService>.Instance
        );

    internal static async Task<long> ModelsAsync(TestDatabase database, params (long Iteration, double? Distance)[] checkpoints)
    {
        long run = await WorkerHarness.QueueAsync(database);
        var claim = await database.Queue.ClaimAsync(Guid.NewGuid(), "test:1", TimeSpan.FromSeconds(60));
        var writer = new AttemptWriter(database.Database, run, claim!.Attempt);
        foreach (var (iteration, distance) in checkpoints)
        {
            await using var stream = writer.Checkpoint(new(iteration, 0, 0, distance, "test"), TimeSpan.FromSeconds(10));
            byte[] content = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(content, iteration);
            stream.Write(content);
            await stream.CompleteAsync();
        }

        return run;
    }

    /// <summary>Images that say their seed, class and steps, so that a mix-up between requests shows.</summary>
    internal sealed class EchoGenerator : IOneStepGenerator
    {
        public EchoGenerator(Stream checkpoint)
        {
            byte[] content = new byte[8];
            checkpoint.ReadExactly(content);
            Iteration = BinaryPrimitives.ReadInt64LittleEndian(content);
        }

        public ManualResetEventSlim Gate { get; } = new(true);

        public int Calls { get; private set; }

        public int LargestCall { get; private set; }

        public bool Disposed { get; private set; }

        public int ClassCount => 10;

        public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")];

        public long Iteration { get; }

        public IReadOnlyList<int> StepChoices => [1, 2, 4];

        public static IEnumerable<(int Seed, int Label)> Read(GeneratedImages images) =>
            images.Pixels.Chunk(4).Select(p => (p[0] + (p[1] * 256), (int)p[2]));

        public GeneratedImages Generate(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, int? steps)
        {
            // Bounded, so that a test that fails with a closed gate ends instead of hanging.
            Gate.Wait(TimeSpan.FromSeconds(40));
            Calls++;
            LargestCall = Math.Max(LargestCall, seeds.Count);
            byte[] pixels =
            [
                .. seeds.Zip(labels!).SelectMany(p => (byte[])[(byte)p.First, (byte)(p.First >> 8), (byte)p.Second, (byte)(steps ?? 0)]),
            ];
            return new(seeds.Count, 1, 4, 1, pixels, seeds, labels!);
        }

        public void Dispose() => Disposed = true;
    }
}
