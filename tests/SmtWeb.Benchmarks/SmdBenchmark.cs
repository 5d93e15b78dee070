using System.Diagnostics;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Methods.Smd;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>
/// A training iteration of distillation with the released step's passes and without its repetitions, in turns in one
/// process: the same networks, batch and distribution of draws.
/// </summary>
internal static class SmdBenchmark
{
    private const int Batch = 32;
    private const int ScoreUpdates = 5; // as in Algorithm 2

    public static void Run(Options options)
    {
        var iterations = options.Iterations > 0 ? options.Iterations : 20;
        var preset = Presets.Find("fashion-mnist-smd")!.Spec;
        var spec = preset with
        {
            Network = new DdpmPpSpec
            {
                ModelChannels = 32,
                ChannelMultipliers = [1, 2, 2],
                BlocksPerLevel = 2,
                AttentionResolutions = [16],
                Patch = 1,
            },
            Optimisation = preset.Optimisation with { BatchSize = Batch },
        };
        // as a training run sets them
        RowSplit.Enabled = options.Threads > 1;
        if (RowSplit.Enabled)
        {
            TorchRuntime.Threads = options.Threads / 2;
        }
        using var released = new Setup(spec, dropRepeatedPasses: false);
        using var dropped = new Setup(spec, dropRepeatedPasses: true);
        Console.WriteLine(
            $"  {released.Parameters:N0} parameters a network, batch {Batch}, a generator update every {ScoreUpdates} iterations, "
                + $"{iterations} iterations a round"
        );
        released.Iterate(5);
        dropped.Iterate(5);
        var ratios = new List<double>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            var (theirs, theirsCpu) = released.Iterate(iterations);
            var (ours, oursCpu) = dropped.Iterate(iterations);
            ratios.Add(theirsCpu / oursCpu);
            Console.WriteLine(
                $"  round {round}: released passes {theirs * 1e3:F1} ms, none repeated {ours * 1e3:F1} ms an iteration: "
                    + $"{theirs / ours:F2} times; processor time {theirsCpu * 1e3:F1} and {oursCpu * 1e3:F1} ms: {theirsCpu / oursCpu:F2} "
                    + "times"
            );
        }
        ratios.Sort();
        Console.WriteLine(
            $"  median of the processor-time ratios {ratios[ratios.Count / 2]:F2} (lowest {ratios[0]:F2}, highest {ratios[^1]:F2})"
        );
    }

    private sealed class Setup : IDisposable
    {
        private readonly Generator _weights = new(1),
            _host = new(3);
        private readonly NoiseStream _noise = new(2, torch.CPU);
        private readonly Denoiser _generator,
            _teacher;
        private readonly FakeScore _fake;
        private readonly SmdTrainer _trainer;
        private readonly SmdDrawSource _draws;
        private readonly Tensor _x,
            _labels;
        private long _done;

        internal Setup(TrainingSpec spec, bool dropRepeatedPasses)
        {
            var method = (SmdSpec)spec.Method with
            {
                DropRepeatedPasses = dropRepeatedPasses,
                ScoreUpdatesPerGeneratorUpdate = ScoreUpdates,
            };
            using var scope = torch.NewDisposeScope();
            (_generator, _teacher, _fake) = (
                NetworkFactory.CreateGenerator(spec, _weights),
                NetworkFactory.CreateGenerator(spec, _weights),
                NetworkFactory.CreateFakeScore(spec, _weights)
            );
            _trainer = new SmdTrainer(_generator, _fake, _teacher, method, spec.Optimisation);
            _draws = new SmdDrawSource(method, Batch, _host, _noise);
            _x = (torch.randn([Batch, .. _generator.SampleShape], generator: _host) * 0.5).DetachFromDisposeScope();
            _labels = HostTransfer
                .OneHot(torch.randint(_generator.Classes, [Batch], ScalarType.Int64, generator: _host), _generator.Classes)
                .DetachFromDisposeScope();
        }

        internal long Parameters => _generator.ParameterCount();

        internal (double Seconds, double ProcessorSeconds) Iterate(int count)
        {
            var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            for (var k = 0; k < count; k++, _done++)
            {
                using var scope = torch.NewDisposeScope();
                _trainer.Step(
                    _x,
                    _labels,
                    _draws.Latents(_x),
                    _draws.FakeLabels(_labels),
                    _trainer.IsGeneratorTurn(_done) ? _draws.Generator(_x) : null,
                    _draws.Score(_x),
                    1e-5,
                    1e-5
                );
            }
            return (Stopwatch.GetElapsedTime(start).TotalSeconds / count, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / count);
        }

        public void Dispose()
        {
            _x.Dispose();
            _labels.Dispose();
            _trainer.Dispose();
            _fake.Dispose();
            _teacher.Dispose();
            _generator.Dispose();
            _weights.Dispose();
            _noise.Dispose();
            _host.Dispose();
        }
    }
}
