using System.Diagnostics;
using SmtWeb.Data.Formats;
using SmtWeb.Smt.Specs;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SmtWeb.Benchmarks.Plain;

/// <summary>
/// A training iteration of <c>fashion-mnist-official</c> written plainly in TorchSharp, float32, on the libtorch of this program:
/// what its users would have without anything of ours. Compared with the golden set by PlainPeerTests.
/// </summary>
internal static class PlainStep
{
    private const int WarmUp = 5;

    /// <summary>Images per second, by wall clock and by processor time.</summary>
    internal static (double PerSecond, double PerCpuSecond) Measure(TrainingSpec spec, int threads, int iterations)
    {
        set_num_threads(threads);
        var ddpm = (DdpmPpSpec)spec.Network;
        var method = (SmtSpec)spec.Method;
        var batch = spec.Optimisation.BatchSize;
        using var outer = NewDisposeScope();
        random.manual_seed(0);
        var settings = new PlainSettings(
            1,
            32,
            ddpm.ModelChannels,
            ddpm.ChannelMultipliers,
            ddpm.BlocksPerLevel,
            ddpm.AttentionResolutions,
            10
        );
        using var generator = new PlainDenoiser(settings, amortized: false);
        using var score = new PlainDenoiser(settings, amortized: true);
        using var head = PlainTrainer.Head(score.Model.BottleneckChannels, score.Model.BottleneckSide, groups: 8);
        using var trainer = new PlainTrainer(
            generator,
            score,
            head,
            spec.Optimisation.GeneratorRate,
            spec.Optimisation.ScoreRate,
            method.ScoreUpdatesPerGeneratorUpdate
        );
        var raw = FashionMnist.Load();
        var images = tensor(raw.Images, [raw.Count, 1, FashionMnist.Side, FashionMnist.Side]);
        var labels = tensor(Array.ConvertAll(raw.Labels, l => (long)l));
        var (clock, start) = (new Stopwatch(), TimeSpan.Zero);
        for (var k = 0; k < WarmUp + iterations; k++)
        {
            if (k == WarmUp)
            {
                clock.Start();
                start = Environment.CpuUsage.TotalTime;
            }
            using var scope = NewDisposeScope();
            var index = randint(raw.Count, [batch], ScalarType.Int64);
            var x = images.index_select(0, index).to(ScalarType.Float32) / 127.5 - 1;
            trainer.Iterate(
                k,
                x,
                F.one_hot(labels.index_select(0, index), 10).to(ScalarType.Float32),
                name => Draw(name, [batch, 1, 32, 32])
            );
        }
        var done = (double)batch * iterations;
        return (done / clock.Elapsed.TotalSeconds, done / (Environment.CpuUsage.TotalTime - start).TotalSeconds);
    }

    // as the released scripts draw: indices of the Karras grid and values of α
    private static Tensor Draw(string name, long[] shape)
    {
        var n = shape[0];
        if (name == "z" || name.StartsWith("n_", StringComparison.Ordinal))
        {
            return randn(shape);
        }
        if (name.StartsWith("t_", StringComparison.Ordinal))
        {
            return name == "t_gen" ? randint(20, 981, [n], ScalarType.Int64) : randint(0, 1000, [n], ScalarType.Int64);
        }
        if (name != "alpha_score")
        {
            return randint(1, 1001, [n]) / 1000.0;
        }
        return where(rand(n) < 0.5, randint(0, 3, [n]) / 2.0, randint(0, 1001, [n]) / 1000.0).to(ScalarType.Float32);
    }
}
