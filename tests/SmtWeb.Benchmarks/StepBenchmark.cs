using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Training;

namespace SmtWeb.Benchmarks;

/// <summary>
/// Time and processor time of one training iteration of the Fashion-MNIST presets, without anyone to compare with: what to
/// look at while changing operators. The lowest of the rounds is the one that other processes disturbed least.
/// </summary>
internal static class StepBenchmark
{
    private const int WarmUp = 6;

    public static void Run(Options options)
    {
        foreach (var name in new[] { "fashion-mnist-official", "fashion-mnist-quick" })
        {
            var preset = Presets.Find(name)!.Spec;
            var method = (SmtSpec)preset.Method;
            var spec = preset with
            {
                Method = method with { WarmupIterations = 0, ScoreFromWarmup = false },
                Evaluation = preset.Evaluation with { EveryIterations = 100_000_000, CheckpointEvery = 100_000_000 },
            };
            // whole turns of score and generator updates
            var iterations = Math.Max(1, (options.Iterations > 0 ? options.Iterations : 30) / method.ScoreUpdatesPerGeneratorUpdate) * method.ScoreUpdatesPerGeneratorUpdate;
            var (wall, processor) = (double.PositiveInfinity, double.PositiveInfinity);
            for (var round = 0; round < options.Rounds; round++)
            {
                var journal = new BenchmarkJournal(WarmUp + iterations);
                TrainingSession.Run(spec, journal, null, options.Threads);
                wall = Math.Min(wall, journal.SecondsFrom(WarmUp) / iterations);
                processor = Math.Min(processor, journal.CpuSecondsFrom(WarmUp) / iterations);
            }
            Console.WriteLine($"  {name,-24} {wall * 1e3,7:F1} ms an iteration, {processor * 1e3,7:F1} ms of processor time (lowest of {options.Rounds} rounds of {iterations})");
        }
    }
}
