using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>Operators of ours as nodes of libtorch's graph, and passes in two halves on two threads.</summary>
[Collection("Tensors")]
public sealed class AutogradTests : IDisposable
{
    private readonly long _before;
    private readonly int _threads;

    public AutogradTests()
    {
        TorchRuntime.Initialize();
        (_before, _threads) = (TorchRuntime.LiveTensors, TorchRuntime.Threads);
    }

    public void Dispose()
    {
        RowSplit.Enabled = false;
        TorchRuntime.Threads = _threads;
        Assert.Equal(_before, TorchRuntime.LiveTensors);
    }

    [Fact]
    public void Backward_OperatorFails_ThrowsItsReasonAndTheNextPassWorks()
    {
        using var scope = NewDisposeScope();
        var x = Leaf(4, 3);
        for (var round = 0; round < 3; round++)
        {
            var error = Assert.Throws<TorchException>(() => Autograd.Backward(Failing.Apply(x * 2).sum()));
            Assert.Contains("no such gradient", error.Message, StringComparison.Ordinal);
            Assert.IsType<InvalidOperationException>(error.InnerException);
        }
        Autograd.Backward(Fused.mix_rows(null, x).sum());
        Assert.All(x.grad!.ToArray<float>(), g => Assert.Equal(1, g));
    }

    [Fact]
    public void Backward_SecondTime_SaysThatWhatItNeedsWasFreed()
    {
        using var scope = NewDisposeScope();
        var y = Failing.Apply(Leaf(4, 3), fails: false).sum();
        y.backward(retain_graph: true);
        Assert.Contains(
            "second backward pass",
            Assert.Throws<TorchException>(() => Autograd.Backward(y)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Operators_ManyTimes_LeaveNoNodeAndNoMemory()
    {
        void Rounds(int n)
        {
            for (var k = 0; k < n; k++)
            {
                using var scope = NewDisposeScope();
                var x = Leaf(256, 1024);
                var y = Failing.Apply(Failing.Apply(x, fails: false), fails: false);
                if (k % 2 == 0)
                {
                    Autograd.Backward(y.sum());
                }
            }
        }
        Rounds(50);
        Assert.Equal(0, Failing.Alive);
        // each round takes 5 MB; 600 nodes. Other tests of this process take memory as well: a leak is there each time.
        var growth = Enumerable
            .Range(0, 3)
            .Select(_ =>
            {
                var memory = System.Diagnostics.Process.GetCurrentProcess().WorkingSet64;
                Rounds(300);
                return System.Diagnostics.Process.GetCurrentProcess().WorkingSet64 - memory;
            })
            .ToList();
        Assert.Equal(0, Failing.Alive);
        Assert.InRange(growth.Min(), long.MinValue, 60 << 20);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(33)]
    public void RowSplit_ValueAndGradients_EqualThoseOfOnePass(int rows)
    {
        var whole = Pass(rows, split: false);
        var halves = Pass(rows, split: true);
        for (var k = 0; k < whole.Length; k++)
        {
            Assert.Equal(whole[k].Length, halves[k].Length);
            for (var i = 0; i < whole[k].Length; i++)
            {
                Assert.True(
                    Math.Abs(whole[k][i] - halves[k][i]) <= 2e-5 * (1 + Math.Abs(whole[k][i])),
                    $"result {k}[{i}]: {halves[k][i]} instead of {whole[k][i]}"
                );
            }
        }
        var again = Pass(rows, split: true);
        for (var k = 0; k < halves.Length; k++)
        {
            Assert.Equal(halves[k], again[k]);
        }
    }

    [Fact]
    public void RowSplit_HalfFails_ThrowsForwardAndBackwardAndTheNextPassWorks()
    {
        using var scope = NewDisposeScope();
        RowSplit.Enabled = true;
        var x = Leaf(20, 4);
        for (var failing = 0; failing < 2; failing++)
        {
            var first = failing == 0;
            Assert.Throws<InvalidDataException>(() =>
                RowSplit.Run([], [x], half => half[0]!.shape[0] == 10 ? throw new InvalidDataException() : half[0]! * 2)
            );
            var y = RowSplit.Run([], [x, null], half => Failing.Apply(half[0]!, fails: true));
            Assert.Contains(
                "no such gradient",
                Assert.Throws<TorchException>(() => Autograd.Backward(y.sum())).Message,
                StringComparison.Ordinal
            );
        }
        Autograd.Backward(RowSplit.Run([], [x], half => half[0]! * 3).sum());
        Assert.All(x.grad!.ToArray<float>(), g => Assert.Equal(3, g));
    }

    [Fact]
    public void RowSplit_LibtorchFailsInAHalf_ThrowsAndTheProcessLives()
    {
        using var scope = NewDisposeScope();
        RowSplit.Enabled = true;
        var x = Leaf(20, 4);
        // what exp() keeps for its gradient is changed in place afterwards: libtorch throws in the middle of the backward pass
        var y = RowSplit.Run(
            [],
            [x],
            half =>
            {
                var e = half[0]!.exp();
                var result = e * 1;
                using (no_grad())
                {
                    e.add_(1);
                }
                return result;
            }
        );
        Assert.Contains(
            "modified by an inplace operation",
            Assert.Throws<TorchException>(() => Autograd.Backward(y.sum())).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void RowSplit_NoGrad_RecordsNothing()
    {
        using var scope = NewDisposeScope();
        RowSplit.Enabled = true;
        var x = Leaf(20, 4);
        using (no_grad())
        {
            var y = RowSplit.Run([], [x], half => half[0]! * 2);
            Assert.False(y.requires_grad);
            Assert.Equal((x * 2).ToArray<float>(), y.ToArray<float>());
        }
    }

    // result, gradients of the input, of a matrix, a convolution and a vector that one half alone uses
    private static float[][] Pass(int rows, bool split)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(9);
        RowSplit.Enabled = split;
        TorchRuntime.Threads = 1;
        Tensor[] leaves =
        [
            randn([rows, 3, 6, 6], generator: random),
            randn([4, 3, 3, 3], generator: random),
            randn([4], generator: random),
            randn([1], generator: random),
        ];
        foreach (var leaf in leaves)
        {
            leaf.requires_grad = true;
        }
        Tensor[] parameters = leaves[1..];
        var y = RowSplit.Run(
            parameters,
            [leaves[0], null],
            half =>
            {
                Assert.Null(half[1]);
                return Fused.conv2d(half[0]!, leaves[1], leaves[2], [1, 1], [1, 1]).tanh() * leaves[2].view(1, 4, 1, 1);
            }
        );
        Autograd.Backward((y * arange(y.NumberOfElements).view(y.shape).sin()).sum());
        Assert.Null(leaves[3].grad);
        return [y.detach().ToArray<float>(), .. leaves[..3].Select(l => l.grad!.ToArray<float>())];
    }

    private static Tensor Leaf(params long[] shape)
    {
        var leaf = ones(shape);
        leaf.requires_grad = true;
        return leaf;
    }

    private sealed class Failing : FusedOperator
    {
        private readonly bool _fails;
        private nint _saved;

        private Failing(bool fails, nint saved) => (_fails, _saved) = (fails, saved);

        internal static int Alive { get; private set; }

        internal static Tensor Apply(Tensor x, bool fails = true)
        {
            using var none = no_grad();
            Tensor y;
            using (var doubled = x * 2)
            {
                var call = new Failing(fails, LibTorch.Share(x.Handle));
                Alive++;
                using (enable_grad())
                {
                    y = call.Record(LibTorch.Share(doubled.Handle), [x.Handle]);
                }
            }
            return y;
        }

        protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
        {
            if (_fails)
            {
                throw new InvalidOperationException("no such gradient");
            }
            results[0] = LibTorch.Add(gradients[0], gradients[0]);
        }

        protected override void Release()
        {
            LibTorch.Free(ref _saved);
            Alive--;
        }
    }
}
