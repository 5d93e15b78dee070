using System.Diagnostics;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>What it costs to call an operator: a + b on 16 elements, its result freed by a scope.</summary>
internal static class OperatorBenchmark
{
    private const int PerScope = 100;

    public static void Run(Options options)
    {
        var count = options.Iterations > 0 ? options.Iterations : 500_000;
        TorchRuntime.Threads = 1;
        using var outer = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var (a, b) = (torch.ones([16]), torch.ones([16]));
        Time(a, b, count / 10);
        for (var round = 1; round <= options.Rounds; round++)
        {
            var ours = Enumerable.Range(0, 5).Min(_ => Time(a, b, count / 5));
            var theirs = Peer.Run("operator_overhead.py", count.ToString(System.Globalization.CultureInfo.InvariantCulture))
                .GetProperty("nanoseconds")
                .GetDouble();
            Console.WriteLine($"  round {round}: C# {ours, 6:F0} ns   Python {theirs, 6:F0} ns   ratio {theirs / ours:F2}");
        }
    }

    private static double Time(Tensor a, Tensor b, int count)
    {
        var clock = Stopwatch.StartNew();
        for (var k = 0; k < count; k += PerScope)
        {
            using var scope = torch.NewDisposeScope();
            for (var i = 0; i < PerScope; i++)
            {
                _ = a + b;
            }
        }
        return clock.Elapsed.TotalNanoseconds / count;
    }
}
