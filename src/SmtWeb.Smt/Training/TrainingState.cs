using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.ScoreOfMixture;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>
/// Everything that changes while a run trains, and nothing else: what a checkpoint holds. Loading one and going on
/// gives the same numbers, bit for bit on the CPU, as never having stopped.
/// </summary>
internal sealed class TrainingState : IDisposable
{
    private readonly FlatParameters averageParameters;
    private readonly bool averages;

    internal TrainingState(TrainingSpec spec, Device device)
    {
        using var scope = torch.NewDisposeScope();
        (Spec, Device) = (spec, device);
        Method = (SmtSpec)spec.Method;
        // separate streams: initial weights and dropout, noise on the device, small draws on the host
        Weights = new Generator(Mix(spec.Seed, 1), device);
        Noise = new Generator(Mix(spec.Seed, 2), device);
        Host = new Generator(Mix(spec.Seed, 3), Device.Cpu);
        Data = TrainingData.Open(spec.Data, spec.Seed, device);

        Generator = NetworkFactory.CreateGenerator(spec, Weights);
        Score = NetworkFactory.CreateScore(spec, Weights);
        Trainer = new SmtTrainer(Generator, Score, Method, spec.Optimisation);
        Average = NetworkFactory.CreateGenerator(spec, Weights);
        Average.CopyFrom(Generator);
        Average.RequireGrad(false);
        Average.Training = false;
        averageParameters = new FlatParameters(("", Average));
        averages = spec.Optimisation.EmaDecay > 0;
    }

    internal TrainingSpec Spec { get; }

    internal SmtSpec Method { get; }

    internal Device Device { get; }

    internal Generator Weights { get; }

    internal Generator Noise { get; }

    internal Generator Host { get; }

    internal TrainingData Data { get; }

    /// <summary>g_θ as trained.</summary>
    internal Denoiser Generator { get; }

    /// <summary>Moving average of g_θ: what is evaluated and sampled.</summary>
    internal Denoiser Average { get; }

    internal AmortizedScore Score { get; }

    internal SmtTrainer Trainer { get; }

    internal TrainingProgress Progress { get; set; } = new();

    internal long TotalIterations => Method.WarmupIterations + (long)Spec.Optimisation.Iterations;

    internal bool IsWarmup => Progress.Iteration < Method.WarmupIterations;

    /// <summary>Moves the average after an update of the generator.</summary>
    internal void UpdateAverage()
    {
        using var _ = torch.no_grad();
        averageParameters.Values.lerp_(Trainer.GeneratorParameters.Values, averages ? 1 - Spec.Optimisation.EmaDecay : 1);
    }

    /// <summary>Makes the average equal to the generator.</summary>
    internal void ResetAverage()
    {
        using var _ = torch.no_grad();
        averageParameters.Values.copy_(Trainer.GeneratorParameters.Values);
        Average.CopyFrom(Generator); // buffers
    }

    /// <summary>The warm-up is over: the optimizer forgets it, and the score network starts from it where asked.</summary>
    internal void EndWarmup()
    {
        Trainer.GeneratorOptimizer.FirstMoment.zero_();
        Trainer.GeneratorOptimizer.SecondMoment.zero_();
        Trainer.GeneratorOptimizer.Steps = 0;
        if (Method.ScoreFromWarmup) Score.Denoiser.InitialiseFrom(Generator);
        ResetAverage();
    }

    internal void Save(Stream stream)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        Progress = Progress with { GeneratorSteps = Trainer.GeneratorOptimizer.Steps, ScoreSteps = Trainer.ScoreOptimizer.Steps };
        CheckpointFile.Write(stream, Spec, Progress, Tensors());
    }

    /// <exception cref="InvalidDataException">The checkpoint belongs to another network.</exception>
    internal void Load(Stream stream)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var (_, progress, tensors) = CheckpointFile.Read(stream, _ => true);
        var mine = Tensors().ToDictionary(t => t.Name, t => t.Value);
        var problems = mine.Where(t => !tensors.ContainsKey(t.Key)).Select(t => $"{t.Key} is missing")
            .Concat(tensors.Keys.Where(k => !mine.ContainsKey(k)).Select(k => $"{k} is not part of this run"))
            .Concat(mine.Where(t => tensors.TryGetValue(t.Key, out var s) && !s.Shape.AsSpan().SequenceEqual(t.Value.Shape))
                .Select(t => $"{t.Key} has shape [{string.Join(',', tensors[t.Key].Shape)}], this run wants [{string.Join(',', t.Value.Shape)}]"))
            .Take(3).ToList();
        if (problems.Count > 0) throw new InvalidDataException($"The checkpoint belongs to another network: {string.Join("; ", problems)}.");
        foreach (var (name, value) in mine)
            if (!name.StartsWith("random.", StringComparison.Ordinal)) value.copy_(tensors[name]);
        Weights.SetState(tensors["random.weights"].ToArray<byte>());
        Noise.SetState(tensors["random.noise"].ToArray<byte>());
        Host.SetState(tensors["random.host"].ToArray<byte>());
        Data.SetState(tensors["random.data"].ToArray<byte>());
        Trainer.GeneratorOptimizer.Steps = progress.GeneratorSteps;
        Trainer.ScoreOptimizer.Steps = progress.ScoreSteps;
        Progress = progress;
    }

    private IEnumerable<(string Name, Tensor Value)> Tensors()
    {
        static Tensor Bytes(byte[] state) => torch.tensor(state, [state.Length]);
        var (g, s) = (Trainer.GeneratorParameters, Trainer.ScoreParameters);
        return Average.StateDict(CheckpointFile.AveragePrefix)
            .Concat(Generator.StateDict("generator."))
            .Concat(Score.StateDict())
            .Concat(g.Views(Trainer.GeneratorOptimizer.FirstMoment).Select(v => ($"adamw.generator.m.{v.Name}", v.View)))
            .Concat(g.Views(Trainer.GeneratorOptimizer.SecondMoment).Select(v => ($"adamw.generator.v.{v.Name}", v.View)))
            .Concat(s.Views(Trainer.ScoreOptimizer.FirstMoment).Select(v => ($"adamw.score.m.{v.Name}", v.View)))
            .Concat(s.Views(Trainer.ScoreOptimizer.SecondMoment).Select(v => ($"adamw.score.v.{v.Name}", v.View)))
            .Concat(new (string, Tensor)[]
            {
                ("random.weights", Bytes(Weights.GetState())),
                ("random.noise", Bytes(Noise.GetState())),
                ("random.host", Bytes(Host.GetState())),
                ("random.data", Bytes(Data.GetState())),
            });
    }

    // splitmix64: nearby seeds give unrelated streams
    private static ulong Mix(long seed, ulong stream)
    {
        var x = unchecked((ulong)seed + stream * 0x9E3779B97F4A7C15);
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        return x ^ (x >> 31);
    }

    public void Dispose()
    {
        averageParameters.Dispose();
        Average.Dispose();
        Trainer.Dispose();
        Score.Dispose();
        Generator.Dispose();
        Data.Dispose();
        Weights.Dispose();
        Noise.Dispose();
        Host.Dispose();
    }
}
