using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Benchmarks;

/// <summary>
/// Time and processor time of one training iteration of a preset, without anyone to compare with: what to look at while
/// changing operators. The lowest of the rounds is the one that other processes disturbed least.
/// </summary>
internal static class StepBenchmark
{
    private const int WarmUp = 6;

    public static void Fashion(Options options) => Run(options, 30, "fashion-mnist-official", "fashion-mnist-quick");

    public static void SwissRoll(Options options) => Run(options, 2000, "fig5/smt");

    private static void Run(Options options, int usual, params IEnumerable<string> presets)
    {
        foreach (var name in presets)
        {
            var preset = Presets.Find(name)!.Spec;
            var method = (SmtSpec)preset.Method;
            var spec = preset with
            {
                Method = method with { WarmupIterations = 0, ScoreFromWarmup = false },
                Hardware = preset.Hardware with { Threads = 0 }, // those of the command line
                Evaluation = preset.Evaluation with { EveryIterations = 100_000_000, CheckpointEvery = 100_000_000 },
            };
            // whole turns of score and generator updates
            var iterations =
                Math.Max(1, (options.Iterations > 0 ? options.Iterations : usual) / method.ScoreUpdatesPerGeneratorUpdate)
                * method.ScoreUpdatesPerGeneratorUpdate;
            var (wall, processor) = (double.PositiveInfinity, double.PositiveInfinity);
            for (var round = 0; round < options.Rounds; round++)
            {
                var journal = new BenchmarkJournal(WarmUp + iterations);
                TrainingSession.Run(spec, journal, null, options.Threads);
                wall = Math.Min(wall, journal.SecondsFrom(WarmUp) / iterations);
                processor = Math.Min(processor, journal.CpuSecondsFrom(WarmUp) / iterations);
            }
            Console.WriteLine(
                $"  {name, -24} {wall * 1e3, 8:F2} ms an iteration, {processor * 1e3, 8:F2} ms of processor time (lowest of "
                    + $"{options.Rounds} rounds of {iterations})"
            );
        }
    }
}
