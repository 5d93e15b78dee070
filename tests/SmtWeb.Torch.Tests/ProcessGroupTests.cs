namespace SmtWeb.Torch.Tests;

/// <summary>Ranks over Gloo, each on a thread of its own: they talk over TCP as ranks of two processes do.</summary>
[Collection("Tensors")]
public sealed class ProcessGroupTests : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly long before;

    public ProcessGroupTests()
    {
        torch.Initialize();
        Assert.SkipUnless(ProcessGroup.Has(ProcessGroup.Gloo), "The shim was built without c10d's Gloo (libtorch's distributed headers were not found).");
        before = torch.LiveTensors;
    }

    public void Dispose() => Assert.Equal(before, torch.LiveTensors);

    [Fact]
    public async Task AllReduceAndBroadcast_ThreeRanks_SumAndAgree()
    {
        var results = await Ranks(3, group =>
        {
            using var scope = torch.NewDisposeScope();
            var t = torch.tensor([group.Rank + 1f, 10 * (group.Rank + 1)], [2]);
            group.AllReduce(t);
            var u = torch.full([2], group.Rank);
            group.Broadcast(u, root: 2);
            return (Sum: t.ToArray<float>(), Root: u.ToArray<float>(), Agreed: group.Agree(100 + group.Rank));
        });
        Assert.All(results, r =>
        {
            Assert.Equal([6f, 60f], r.Sum);
            Assert.Equal([2f, 2f], r.Root);
            Assert.Equal(100, r.Agreed);
        });
    }

    [Theory]
    [InlineData(1 << 20)]  // one bucket
    [InlineData(64)]       // many
    public async Task GradientExchange_TwoRanksOfHalfABatch_GiveTheGradientOfOne(long bucketBytes)
    {
        var batch = Enumerable.Range(0, 30).Select(k => MathF.Sin(k * k)).ToArray();
        float[] Gradient(ProcessGroup? group, int from, int count, int steps)
        {
            using var inner = torch.NewDisposeScope();
            // the ranks start with other weights and take those of rank 0
            using var weights = new Generator((ulong)(7 + (group?.Rank ?? 0)), Device.Cpu);
            using var network = new Network(weights);
            using var flat = new FlatParameters(("", network));
            using var exchange = group is null ? null : new GradientExchange(group, flat, bucketBytes);
            if (exchange is not null) Assert.Equal(bucketBytes > 1000 ? 1 : 3, exchange.Buckets);
            flat.Exchange = exchange;
            using var adamW = new AdamW(flat);
            for (var k = 0; k < steps; k++)
            {
                using var step = torch.NewDisposeScope();
                flat.ZeroGrad();
                var x = torch.tensor(batch[(from * 5)..((from + count) * 5)], [count, 5]);
                network.Forward(x).square().mean().backward();
                adamW.Step(0.01);
            }
            return [.. flat.Values.ToArray<float>(), .. flat.Gradients.ToArray<float>()];
        }
        var alone = Gradient(null, 0, 6, 3);
        foreach (var rank in await Ranks(2, group => Gradient(group, 3 * group.Rank, 3, 3)))
            for (var k = 0; k < alone.Length; k++)
                Assert.Equal(alone[k], rank[k], 1e-5);
    }

    [Fact]
    public async Task GradientExchange_TwoBackwardPasses_AreRefusedOnEveryRank()
    {
        var messages = await Ranks(2, group =>
        {
            using var scope = torch.NewDisposeScope();
            using var weights = new Generator(1, Device.Cpu);
            using var network = new Network(weights);
            using var flat = new FlatParameters(("", network));
            using var exchange = new GradientExchange(group, flat);
            exchange.Begin();
            for (var k = 0; k < 2; k++) network.Forward(torch.ones([2, 5])).sum().backward();
            return Assert.Throws<TorchException>(exchange.End).Message;
        });
        Assert.All(messages, m => Assert.Contains("two backward passes", m));
    }

    [Fact]
    public async Task AllReduce_APeerIsGone_FailsAtOnceAndSaysSo()
    {
        var outcomes = await Ranks(2, group =>
        {
            using var scope = torch.NewDisposeScope();
            group.AllReduce(torch.ones([4]));
            if (group.Rank == 1) return ""; // its connections close
            return Assert.Throws<TorchException>(() => group.AllReduce(torch.ones([4]))).Message;
        });
        Assert.Contains("sum over 2 ranks", outcomes[0]);
        // it noticed the closed connection instead of waiting for its timeout
        Assert.DoesNotContain("timed out", outcomes[0], StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Constructor_UnknownBackend_NamesIt()
    {
        using var store = new TcpStore("127.0.0.1", 0, serve: true, Timeout);
        Assert.Contains("no backend 'smoke'", Assert.Throws<TorchException>(() => new ProcessGroup("smoke", store, 0, 1, Timeout)).Message);
        Assert.Contains("rank 3 is not one of 2", Assert.Throws<TorchException>(() => new ProcessGroup(ProcessGroup.Gloo, store, 3, 2, Timeout)).Message);
    }

    /// <summary>Runs <paramref name="body"/> as every rank of a group; rank 0 serves the store.</summary>
    private static async Task<T[]> Ranks<T>(int size, Func<ProcessGroup, T> body)
    {
        using var served = new TcpStore("127.0.0.1", 0, serve: true, Timeout);
        return await Task.WhenAll(Enumerable.Range(0, size).Select(rank => Task.Factory.StartNew(
            () =>
            {
                using var store = new TcpStore("127.0.0.1", served.Port, serve: false, Timeout);
                using var group = new ProcessGroup(ProcessGroup.Gloo, store, rank, size, Timeout);
                return body(group);
            },
            TaskCreationOptions.LongRunning)));
    }

    /// <summary>Two layers, and a parameter that no loss reaches.</summary>
    private sealed class Network : Module
    {
        private readonly Parameter first, second;

        internal Network(Generator random)
        {
            Register("unused", torch.ones([3]));
            first = Register("first", torch.randn([8, 5], random));
            second = Register("second", torch.randn([1, 8], random));
        }

        internal Tensor Forward(Tensor x) => torch.functional.linear(torch.functional.linear(x, first.Value, null).silu(), second.Value, null);
    }
}
