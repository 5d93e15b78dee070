using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>
/// Arithmetic with numbers, also while the collector runs all the time: TorchSharp's own operators fail there within seconds.
/// </summary>
public sealed class NumbersTests
{
    [Fact]
    public void EveryOperation_HasItsValue()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new float[] { -2, 0.5f, 4 });
        void Check(Tensor actual, params double[] expected) =>
            Assert.Equal(expected, actual.to(ScalarType.Float64).ToArray<double>(), (a, b) => a == b || Math.Abs(a - b) < 1e-6);
        Check(x.Times(3), -6, 1.5, 12);
        Check(x.Over(2), -1, 0.25, 2);
        Check(2.0.Over(x), -1, 4, 0.5);
        Check(x.Plus(1), -1, 1.5, 5);
        Check(x.Minus(1), -3, -0.5, 3);
        Check(1.0.Minus(x), 3, 0.5, -3);
        Check(x.PlusTimes(x, 2), -6, 1.5, 12);
        Check(x.Squared(), 4, 0.25, 16);
        Check(x.Power(3), -8, 0.125, 64);
        Check(x.AtLeast(0), 0, 0.5, 4);
        Check(x.Is(4), 0, 0, 1);
        Check(x.With(7, x.Is(4)), -2, 0.5, 7);
        Check(x.SoftPlus(), Math.Log(1 + Math.Exp(-2)), Math.Log(1 + Math.Exp(0.5)), Math.Log(1 + Math.Exp(4)));
        Check(tensor(new float[] { float.NegativeInfinity, float.PositiveInfinity, 100 }).SoftPlus(), 0, double.PositiveInfinity, 100);
        Check(x.LeakyReLU(0.25), -0.5, 0.5, 4);
        Check(x.clone().Times_(2).Plus_(1).Over_(2), -1.5, 1, 4.5);
        Check(x.clone().PlusTimes_(x, -1), 0, 0, 0);
        Check(x.clone().PlusProduct_(x, x, 2), 6, 1, 36);
        Check(x.clone().PlusQuotient_(x, x, 2), 0, 2.5, 6);
        Check(x.clone().Fill_(5), 5, 5, 5);
        Check(Numbers.Full([2], 0.25), 0.25, 0.25);
        Check(Numbers.Range(3, ScalarType.Int64), 0, 1, 2);
    }

    [Fact]
    public void Times_WhileTheCollectorRuns_IsRight()
    {
        using var outer = NewDisposeScope();
        var x = ones([64]);
        WhileTheCollectorRuns(k => Assert.Equal(64.0 * k, x.Times(k).sum().ToDouble()));
    }

    [Fact]
    public void TorchSharpsOwnNumbers_GivenUp_AreKeptByOurs()
    {
        Assert.SkipUnless(Kernels.Present, "There is no native library (no C++ compiler was there), which keeps TorchSharp's numbers.");
        var before = KeptScalars.GivenUp;
        using (Scalar _ = 1.5) { }
        Assert.InRange(KeptScalars.GivenUp, before + 1, ulong.MaxValue); // finalizers of other tests' numbers may come between
        using var outer = NewDisposeScope();
        var (x, y) = (ones([64]), ones([64]));
        WhileTheCollectorRuns(k =>
        {
            Assert.Equal(128.0, (x + y).sum().ToDouble());
            Assert.Equal(64.0 * k, (x * k).sum().ToDouble());
        });
        Assert.InRange(KeptScalars.GivenUp, before + 100, ulong.MaxValue);
    }

    private static void WhileTheCollectorRuns(Action<int> operation)
    {
        var over = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref over))
            {
                GC.Collect(0);
            }
        });
        collector.Start();
        try
        {
            var end = DateTime.UtcNow + TimeSpan.FromSeconds(3);
            for (var k = 1; DateTime.UtcNow < end; k++)
            {
                using var scope = NewDisposeScope();
                operation(k);
            }
        }
        finally
        {
            Volatile.Write(ref over, true);
            collector.Join();
        }
    }
}
