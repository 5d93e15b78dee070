using System.Diagnostics;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>Ranks over Gloo, each on a thread of its own: they talk over TCP as ranks of two processes do.</summary>
[Collection("Tensors")]
public sealed class ProcessGroupTests : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly long _before;

    public ProcessGroupTests()
    {
        TorchRuntime.Initialize();
        Assert.SkipUnless(ProcessGroup.Has(ProcessGroup.Gloo), ProcessGroup.WhyNot(ProcessGroup.Gloo) ?? "");
        _before = TorchRuntime.LiveTensors;
    }

    public void Dispose() => Assert.Equal(_before, TorchRuntime.LiveTensors);

    [Fact]
    public async Task AllReduceAndBroadcast_ThreeRanks_SumAndAgree()
    {
        var results = await Ranks(
            3,
            group =>
            {
                using var scope = NewDisposeScope();
                var t = tensor(new[] { group.Rank + 1f, 10 * (group.Rank + 1) });
                group.AllReduce(t);
                var d = tensor(new[] { 0.1 * (group.Rank + 1) });
                group.AllReduce(d);
                var u = full(2, (float)group.Rank);
                group.Broadcast(u, root: 2);
                var bytes = full([3], group.Rank + 7, ScalarType.Byte);
                group.Broadcast(bytes, root: 1);
                return (
                    Sum: t.ToArray<float>(),
                    Exact: d.ToArray<double>()[0],
                    Root: u.ToArray<float>(),
                    Bytes: bytes.ToArray<byte>(),
                    Agreed: group.Agree(100 + group.Rank)
                );
            }
        );
        Assert.All(
            results,
            r =>
            {
                Assert.Equal([6f, 60f], r.Sum);
                Assert.Equal(0.6, r.Exact, 1e-15);
                Assert.Equal([2f, 2f], r.Root);
                Assert.Equal([8, 8, 8], r.Bytes);
                Assert.Equal(100, r.Agreed);
            }
        );
    }

    [Theory]
    [InlineData(1 << 20, 1)] // one backward pass, one part
    [InlineData(4096, 2)] // two backward passes that add up, many parts
    public async Task GradientExchange_TwoRanksOfHalfABatch_GiveTheGradientOfOne(long bucketBytes, int passes)
    {
        var batch = Enumerable.Range(0, 30).Select(k => MathF.Sin(k * k)).ToArray();
        float[] Gradient(ProcessGroup? group, int from, int count, int steps)
        {
            using var inner = NewDisposeScope();
            // the ranks start with other weights and take those of rank 0
            using var network = new Network(7 + (group?.Rank ?? 0));
            using var flat = new FlatParameters(("", network));
            var exchange = group is null ? null : new GradientExchange(group, flat, bucketBytes);
            if (exchange is not null)
            {
                Assert.Equal(bucketBytes > 16384 ? 1 : 4, exchange.Buckets);
            }
            flat.Exchange = exchange;
            using var adamW = new AdamW(flat);
            for (var k = 0; k < steps; k++)
            {
                using var step = NewDisposeScope();
                flat.ZeroGrad();
                var x = Tensors.Of<float>(batch.AsSpan((from * 5)..((from + count) * 5)), [count, 5]);
                for (var pass = 0; pass < passes; pass++)
                {
                    network.forward(x).square().mean().backward();
                }
                adamW.Step(0.01);
            }
            return [.. flat.Values.ToArray<float>(), .. flat.Gradients.ToArray<float>()];
        }
        var alone = Gradient(null, 0, 6, 3);
        foreach (var rank in await Ranks(2, group => Gradient(group, 3 * group.Rank, 3, 3)))
        {
            for (var k = 0; k < alone.Length; k++)
            {
                Assert.Equal(alone[k], rank[k], 1e-5);
            }
        }
    }

    [Fact]
    public async Task AllReduce_APeerLeft_FailsAtOnceAndSaysSo()
    {
        var watch = Stopwatch.StartNew();
        var outcomes = await Ranks(
            2,
            group =>
            {
                using var scope = NewDisposeScope();
                group.AllReduce(ones(4));
                if (group.Rank == 1)
                {
                    return ""; // its connections close
                }
                return Assert.Throws<TorchException>(() => group.AllReduce(ones(4))).Message;
            }
        );
        Assert.Contains("sum over 2 ranks", outcomes[0]);
        // it noticed the closed connection instead of waiting for its timeout
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, Timeout / 3);
    }

    [Fact]
    public async Task AllReduce_APeersProcessDies_TheLifeLineTellsWhich()
    {
        using var served = new TcpStore("127.0.0.1", 0, serve: true, Timeout);
        using var met = new Barrier(3);
        using var silent = new ManualResetEventSlim();
        var ranks = Enumerable
            .Range(0, 3)
            .Select(rank =>
                Task.Factory.StartNew(
                    () =>
                    {
                        using var scope = NewDisposeScope();
                        var store = new TcpStore("127.0.0.1", served.Port, serve: false, Timeout);
                        using var group = new ProcessGroup(ProcessGroup.Gloo, store, rank, 3, Timeout);
                        group.Agree(1);
                        met.SignalAndWait();
                        if (rank == 2)
                        {
                            // as the kernel does for a killed process, but for Gloo's connections, which stay silent: a GPU that hangs
                            store.BreakOff();
                            silent.Wait();
                            return "";
                        }
                        var watch = Stopwatch.StartNew();
                        var message = Assert.Throws<TorchException>(() => group.AllReduce(ones(1 << 16))).Message;
                        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
                        Assert.Throws<TorchException>(() => group.Agree(2));
                        store.Dispose();
                        return message;
                    },
                    TaskCreationOptions.LongRunning
                )
            )
            .ToArray();
        var messages = await Task.WhenAll(ranks[..2]);
        silent.Set(); // its connections close, and what Gloo was left with comes to its end
        await ranks[2];
        Assert.All(messages, m => Assert.Contains("sum over 3 ranks: rank 2 is gone: its connection was closed", m));
        var until = DateTime.UtcNow.AddSeconds(10);
        while (TorchRuntime.LiveTensors != _before && DateTime.UtcNow < until)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Constructor_UnknownBackendOrRank_NamesIt()
    {
        using var store = new TcpStore("127.0.0.1", 0, serve: true, Timeout);
        Assert.Contains("no backend 'smoke'", Assert.Throws<TorchException>(() => new ProcessGroup("smoke", store, 0, 1, Timeout)).Message);
        Assert.Contains(
            "rank 3 is not one of 2",
            Assert.Throws<TorchException>(() => new ProcessGroup(ProcessGroup.Gloo, store, 3, 2, Timeout)).Message
        );
    }

    [Fact]
    public void Constructor_TheOthersDoNotCome_GivesUpInTime()
    {
        using var store = new TcpStore("127.0.0.1", 0, serve: true, TimeSpan.FromSeconds(1));
        var watch = Stopwatch.StartNew();
        Assert.Contains(
            "a rank did not come in time",
            Assert.Throws<TorchException>(() => new ProcessGroup(ProcessGroup.Gloo, store, 0, 2, TimeSpan.FromSeconds(1))).Message
        );
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void AllReduce_StridedOrOfAnotherType_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var store = new TcpStore("127.0.0.1", 0, serve: true, Timeout);
        using var group = new ProcessGroup(ProcessGroup.Gloo, store, 0, 1, Timeout);
        Assert.Contains("is not dense", Assert.Throws<TorchException>(() => group.AllReduce(ones(4, 4).t())).Message);
        group.AllReduce(ones(4)); // alone: nothing to add
    }

    [Fact]
    public void TcpStore_NobodyServes_SaysWhereAndWhatToLookFor()
    {
        int port;
        using (var store = new TcpStore("127.0.0.1", 0, serve: true, Timeout))
        {
            port = store.Port;
            Assert.Contains(
                $"cannot be served at 127.0.0.1:{port}",
                Assert.Throws<TorchException>(() => new TcpStore("127.0.0.1", port, serve: true, Timeout)).Message
            );
        }
        var message = Assert.Throws<TorchException>(() => new TcpStore("127.0.0.1", port, serve: false, TimeSpan.FromSeconds(0.3))).Message;
        Assert.Contains($"No ranks' store answers at 127.0.0.1:{port}", message);
        Assert.Contains("firewall", message);
    }

    /// <summary>Runs <paramref name="body"/> as every rank of a group; rank 0 serves the store.</summary>
    private static async Task<T[]> Ranks<T>(int size, Func<ProcessGroup, T> body)
    {
        using var served = new TcpStore("127.0.0.1", 0, serve: true, Timeout);
        return await Task.WhenAll(
            Enumerable
                .Range(0, size)
                .Select(rank =>
                    Task.Factory.StartNew(
                        () =>
                        {
                            using var store = new TcpStore("127.0.0.1", served.Port, serve: false, Timeout);
                            using var group = new ProcessGroup(ProcessGroup.Gloo, store, rank, size, Timeout);
                            return body(group);
                        },
                        TaskCreationOptions.LongRunning
                    )
                )
        );
    }

    /// <summary>Two layers, and a parameter that no loss reaches.</summary>
    private sealed class Network : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _first,
            _second;

        internal Network(int seed)
            : base(nameof(Network))
        {
            using var random = new Generator((ulong)seed);
            Own("unused", ones(3));
            _first = Own("first", randn([8, 5], generator: random));
            _second = Own("second", randn([1, 8], generator: random));
        }

        public override Tensor forward(Tensor x) => nn.functional.linear(nn.functional.silu(nn.functional.linear(x, _first)), _second);

        private Parameter Own(string name, Tensor value)
        {
            value.requires_grad = true;
            // TorchSharp's public constructor empties the tensor but goes on counting it in Tensor.TotalCount
            var parameter = NewParameter(value.DecoupleFromNativeHandle());
            parameter.DetachFromDisposeScope();
            register_parameter(name, parameter);
            return parameter;
        }

        [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
        private static extern Parameter NewParameter(nint handle);
    }
}
