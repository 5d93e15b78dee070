using System.Globalization;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>
/// What each kernel is worth to a whole training iteration: in one session a kernel after the other is off for some iterations, in
/// turns with all of them, so that other work on the machine slows all alike. Times are medians of those turns.
/// </summary>
internal static class KernelBenchmark
{
    public static void Fashion(Options options)
    {
        Measure("fashion-mnist-official", options.Threads, 10, options, "convolution", "convolution-one", "group-norm", "adamw");
        Measure("fashion-mnist-quick", options.Threads, 30, options, "convolution", "convolution-one", "group-norm", "adamw");
    }

    public static void SwissRoll(Options options) =>
        Measure("fig5/smt", options.Threads, 200, options, "mlp", "edm", "rows", "fourier", "adamw");

    private static void Measure(string preset, int threads, int iterations, Options options, params string[] kernels)
    {
        var spec = Presets.Find(preset)!.Spec;
        spec = spec with
        {
            Method = ((SmtSpec)spec.Method) with { WarmupIterations = 0, ScoreFromWarmup = false },
            Hardware = spec.Hardware with { Threads = 0 },
            Evaluation = spec.Evaluation with { EveryIterations = 100_000_000, CheckpointEvery = 100_000_000 },
        };
        // all kernels before and after each one that is off
        string?[] turns = [.. kernels.SelectMany(k => new[] { null, k })];
        var (length, rounds) = (options.Iterations > 0 ? options.Iterations : iterations, options.Rounds);
        var total = (1 + rounds * turns.Length) * length;
        var journal = new BenchmarkJournal(
            total,
            iteration =>
            {
                if (iteration % length == 0 && iteration >= length)
                {
                    Kernels.Without(turns[(iteration / length - 1) % turns.Length] is { } off ? [off] : []);
                }
            }
        );
        TrainingSession.Run(spec, journal, null, threads);
        var blocks = Enumerable
            .Range(0, rounds * turns.Length)
            .Select(b => (Off: turns[b % turns.Length], From: (b + 1) * length))
            .ToList();
        Cost Median(string? off)
        {
            var costs = blocks.Where(b => b.Off == off).Select(b => journal.Between(b.From, b.From + length)).ToList();
            double Middle(Func<Cost, double> of) => costs.Select(of).Order().ElementAt(costs.Count / 2) / length;
            return new(Middle(c => c.Wall), Middle(c => c.Processor));
        }
        var all = Median(null);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"  {preset}, {threads} threads: {all.Wall:F2} ms an iteration, {all.Processor:F2} ms of processor time; medians of "
                    + $"{rounds} turns of {length}"
            )
        );
        foreach (var kernel in kernels)
        {
            var without = Median(kernel);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"    without {kernel, -16} {without.Wall, 8:F2} ms ({without.Wall / all.Wall - 1:+0.0 %;-0.0 %}), "
                        + $"{without.Processor, 8:F2} ms of processor time ({without.Processor / all.Processor - 1:+0.0 %;-0.0 %})"
                )
            );
        }
    }
}
