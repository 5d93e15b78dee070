using SmtWeb.Benchmarks.Plain;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Benchmarks;

/// <summary>
/// Training images per second of preset <c>fashion-mnist-official</c> against the same step in plain TorchSharp on the same
/// libtorch (<see cref="PlainStep"/>), in turns, so that a busy or throttled machine is slow for both.
/// </summary>
internal static class TrainingBenchmark
{
    private const int WarmUp = 10;
    private const int PlainIterations = 15; // whole turns of the generator

    public static void Run(Options options)
    {
        var iterations = options.Iterations > 0 ? options.Iterations : 60;
        var preset = Presets.Find("fashion-mnist-official")!.Spec;
        var spec = preset with
        {
            Method = (SmtSpec)preset.Method with { WarmupIterations = 0 },
            // nothing but training: no evaluation and no checkpoint falls into the measured iterations
            Evaluation = preset.Evaluation with
            {
                EveryIterations = 100_000_000,
                CheckpointEvery = 100_000_000,
            },
        };
        var ratios = new List<double>();
        var best = 0.0;
        for (var round = 1; round <= options.Rounds; round++)
        {
            var (theirs, theirsCpu) = PlainStep.Measure(spec, options.Threads, PlainIterations);
            var (ours, oursCpu) = Measure(spec, options.Threads, iterations);
            ratios.Add(ours / theirs);
            best = Math.Max(best, ours);
            Console.WriteLine(
                $"  round {round}: SmtWeb {ours, 7:F1} images/s   plain TorchSharp float32 {theirs, 7:F1} images/s   ratio "
                    + $"{ours / theirs:F2}   (images per second of processor time: {oursCpu:F1} and {theirsCpu:F1})"
            );
        }
        ratios.Sort();
        Console.WriteLine($"  median ratio {ratios[ratios.Count / 2]:F2} (lowest {ratios[0]:F2}, highest {ratios[^1]:F2})");

        var flops = StepFlops.PerImage(spec);
        var peak = ConvolutionPeak.Best(options.Rounds);
        Console.WriteLine(
            $"  {flops / 1e6:F1} MFLOP per image and iteration -> {best * flops / 1e9:F0} GFLOP/s, {best * flops / 1e9 / peak:P1} of "
                + $"the measured convolution peak ({peak:F0} GFLOP/s, bfloat16)"
        );
    }

    private static (double PerSecond, double PerCpuSecond) Measure(TrainingSpec spec, int threads, int iterations)
    {
        var journal = new BenchmarkJournal(WarmUp + iterations);
        TrainingSession.Run(spec, journal, null, threads);
        var images = iterations * spec.Optimisation.BatchSize;
        return (images / journal.SecondsFrom(WarmUp), images / journal.CpuSecondsFrom(WarmUp));
    }
}
