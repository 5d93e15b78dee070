using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>Growth of resident memory over 10,000 training steps of preset <c>swiss-roll</c>, and tensors left behind.</summary>
internal static class MemoryBenchmark
{
    private const int Settled = 1000;

    public static void Run(Options options)
    {
        var steps = options.Iterations > 0 ? options.Iterations : 10_000;
        var preset = Presets.Find("swiss-roll")!.Spec;
        var spec = preset with
        {
            Method = (SmtSpec)preset.Method with { WarmupIterations = 0, ScoreFromWarmup = false },
            Optimisation = preset.Optimisation with { Iterations = Settled + steps + 1 },
            Evaluation = preset.Evaluation with { EveryIterations = 100_000_000, CheckpointEvery = 100_000_000 },
        };
        var before = TorchRuntime.LiveTensors;
        long start = 0,
            end = 0;
        var journal = new BenchmarkJournal(
            Settled + steps,
            iteration =>
            {
                if (iteration % 2000 == Settled)
                {
                    Console.WriteLine(
                        $"  step {iteration, 6}: {Machine.ResidentBytes() / 1e6, 7:F1} MB, {TorchRuntime.LiveTensors} live tensors"
                    );
                }
                if (iteration == Settled)
                {
                    start = Machine.ResidentBytes();
                }
                if (iteration == Settled + steps)
                {
                    end = Machine.ResidentBytes();
                }
            }
        );
        TrainingSession.Run(spec, journal, null, options.Threads);
        Console.WriteLine(
            $"  {steps} steps in {journal.SecondsFrom(Settled):F1} s: resident memory grew by {(end - start) / 1e6:F1} MB; "
                + $"{TorchRuntime.LiveTensors - before} tensors left after the session"
        );
    }
}
