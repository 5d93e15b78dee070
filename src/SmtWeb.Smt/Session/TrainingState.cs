using System.Text.Json;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>
/// Everything that changes while a run trains, and nothing else: what a checkpoint holds. Loading one and going on
/// gives the same numbers, bit for bit on the CPU, as never having stopped.
/// </summary>
internal sealed class TrainingState : IDisposable
{
    internal TrainingState(TrainingSpec spec, Device device, Teacher? teacher = null, RankGroup? ranks = null)
    {
        using var scope = torch.NewDisposeScope();
        (Spec, Device) = (spec, device);
        // separate streams: initial weights and dropout, noise, small draws on the host
        Random = new(
            new(new Generator(HostRandom.SeedOf((ulong)spec.Seed, 1)), device),
            new NoiseStream(HostRandom.SeedOf((ulong)spec.Seed, 2), device),
            new Generator(HostRandom.SeedOf((ulong)spec.Seed, 3)),
            BatchShare.Of(spec.Optimisation.BatchSize, ranks?.Rank ?? 0, ranks?.Size ?? 1)
        );
        Data = TrainingData.Open(spec.Data, spec.Seed, device);
        try
        {
            Method = TrainingMethod.Create(spec, Random, teacher);
        }
        catch
        {
            Data.Dispose();
            Random.Dispose();
            throw;
        }
        Averages =
        [
            new(CheckpointFile.AveragePrefix, "", spec.Optimisation.EmaDecay, NetworkFactory.CreateGenerator(spec, Random.Weights)),
            .. spec.Optimisation.EmaHalfLives.Select(h => new MovingAverage(
                $"{MovingAverage.FurtherPrefix}{h}.",
                $"-h{h}",
                Math.Pow(0.5, 1.0 / h),
                NetworkFactory.CreateGenerator(spec, Random.Weights)
            )),
        ];
        ResetAverages();
    }

    internal TrainingSpec Spec { get; }

    internal Device Device { get; }

    internal RandomStreams Random { get; }

    internal TrainingData Data { get; }

    internal TrainingMethod Method { get; }

    /// <summary>g_θ as trained.</summary>
    internal Denoiser Generator => Method.Generator;

    /// <summary>Moving averages of g_θ; the first is what is evaluated and sampled.</summary>
    internal IReadOnlyList<MovingAverage> Averages { get; }

    /// <summary>The first average.</summary>
    internal Denoiser Average => Averages[0].Network;

    internal TrainingProgress Progress { get; set; } = new();

    internal long TotalIterations => Total(Spec);

    internal bool IsWarmup => Progress.Iteration < Spec.Method.Warmup();

    private TrainedPart GeneratorPart => Method.Parts[0];

    /// <summary>Moves the averages after an update of the generator, which may have been skipped (<paramref name="norm"/>).</summary>
    internal void UpdateAverages(GradientNorm norm)
    {
        foreach (var average in Averages)
        {
            average.Follow(GeneratorPart.Parameters, GeneratorPart.Optimizer.Attempts, Spec.Optimisation.EmaRamp, norm);
        }
    }

    /// <summary>Makes the averages equal to the generator.</summary>
    internal void ResetAverages()
    {
        foreach (var average in Averages)
        {
            average.Reset(Generator);
        }
    }

    /// <summary>The warm-up is over.</summary>
    internal void EndWarmup()
    {
        Method.EndWarmup();
        ResetAverages();
    }

    internal void Save(Stream stream)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        Progress = Progress with
        {
            GeneratorSteps = GeneratorPart.Optimizer.Steps,
            ScoreSteps = Method.Parts.Count > 1 ? Method.Parts[1].Optimizer.Steps : 0,
        };
        CheckpointFile.Write(stream, Spec, Progress, Tensors());
    }

    /// <summary>Goes on from a checkpoint, with data that are what <paramref name="data"/> says (null: not looked at).</summary>
    /// <returns>What a person should know about how it goes on; empty where that is exactly as if it had never stopped.</returns>
    /// <exception cref="InvalidDataException">The checkpoint belongs to another network.</exception>
    /// <exception cref="DataChangedException">The data are others than the checkpoint's, and that is not accepted.</exception>
    internal IReadOnlyList<string> Load(Stream stream, DataReceipt? data = null, bool acceptsChangedData = false)
    {
        var notes = new List<string>();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var file = CheckpointFile.Read(stream, _ => true);
        var (progress, tensors) = (file.Progress, file.Tensors);
        var mine = Tensors().ToDictionary(t => t.Name, t => t.Value);
        // a fork may follow other averages than the run it comes from: new ones begin as the first
        var further = Averages.Skip(1).Select(a => a.Prefix).ToList();
        string? Stands(string name) =>
            tensors.ContainsKey(name) ? name
            : further.Find(p => name.StartsWith(p, StringComparison.Ordinal)) is { } prefix
                ? CheckpointFile.AveragePrefix + name[prefix.Length..]
            : null;
        var problems = mine.Where(t => Stands(t.Key) is not { } s || !tensors.ContainsKey(s))
            .Select(t => $"{t.Key} is missing")
            .Concat(
                tensors
                    .Keys.Where(k => !mine.ContainsKey(k) && !k.StartsWith(MovingAverage.FurtherPrefix, StringComparison.Ordinal))
                    .Select(k => $"{k} is not part of this run")
            )
            .Concat(
                mine.Where(t => !IsRandom(t.Key) && tensors.TryGetValue(t.Key, out var s) && !s.shape.AsSpan().SequenceEqual(t.Value.shape))
                    .Select(t =>
                        $"{t.Key} has shape [{string.Join(',', tensors[t.Key].shape)}], this run wants [{string.Join(',', t.Value.shape)}]"
                    )
            )
            .Take(3)
            .ToList();
        if (problems.Count > 0)
        {
            throw new InvalidDataException($"The checkpoint belongs to another network: {string.Join("; ", problems)}.");
        }
        if (!acceptsChangedData || ForkRules.SameData(file.Spec.Data, Spec.Data))
        {
            EnsureSameClasses(file.Spec);
        }
        var changed = progress.Data is { } began && data is not null && !began.IsOfTheSameImages(data);
        if (changed && !acceptsChangedData)
        {
            throw new DataChangedException(progress.Data!, data!);
        }
        if (changed)
        {
            notes.Add(
                $"The data have changed since this run began, and it goes on as it was asked to: {progress.Data!.Describe()} then; "
                    + $"{data!.Describe()} now. What it learns from here on is of these."
            );
        }
        if (
            !acceptsChangedData
            && progress.Data is null
            && file.Spec.Data is StoredDataSpec was
            && Spec.Data is StoredDataSpec named
            && was.Source != named.Source
        )
        {
            throw new SpecException([
                new(
                    "$.data.source",
                    $"The run began with \"{was.Source}\", and its checkpoint is too old to tell whether \"{named.Source}\" holds the "
                        + "same images. Name those it began with."
                ),
            ]);
        }
        if (!changed)
        {
            DataReading.EnsureStated(Spec, data, progress.Data);
        }

        foreach (var (name, value) in mine)
        {
            if (!IsRandom(name))
            {
                value.copy_(tensors[Stands(name)!]);
            }
        }
        // of a fork with another seed or other data the streams begin anew
        var (sameSeed, sameData) = (file.Spec.Seed == Spec.Seed, ForkRules.SameData(file.Spec.Data, Spec.Data));
        if (sameSeed)
        {
            GoOn(
                tensors["random.weights"].ToArray<byte>(),
                1,
                Random.Weights.Random,
                state => GeneratorState.Set(Random.Weights.Random, state)
            );
            GoOn(tensors["random.noise"].ToArray<byte>(), 2, Random.Host, state => Random.Noise.State = state);
            GoOn(tensors["random.host"].ToArray<byte>(), 3, Random.Host, state => GeneratorState.Set(Random.Host, state));
        }

        if (sameSeed && sameData && !changed) // an order of other data means nothing
        {
            Data.SetState(tensors["random.data"].ToArray<byte>());
        }
        GeneratorPart.Optimizer.Steps = progress.GeneratorSteps;
        if (Method.Parts.Count > 1)
        {
            Method.Parts[1].Optimizer.Steps = progress.ScoreSteps;
        }
        Progress = progress with
        {
            Data = changed ? data : progress.Data ?? data, // the files may have others beside them now; the images are those it began with
            // checkpoints of before the choice existed name no metric, and then they carried the last evaluation's distance
            DistanceMetric = !sameData
                ? null
                : progress.DistanceMetric ?? (progress.Distance is not null && Spec.Data is StoredDataSpec ? ImageDistance.Pixels : null),
            Distance =
                sameData && (progress.Iteration == Total(file.Spec) || progress.Iteration % file.Spec.Evaluation.EveryIterations == 0)
                    ? progress.Distance
                    : null,
            BestDistance = sameData ? progress.BestDistance : null,
        };
        if (Family(file.LibTorch) != Family(TorchRuntime.Version))
        {
            notes.Add(
                $"The checkpoint was written with libtorch {file.LibTorch}, this is libtorch {TorchRuntime.Version}: weights, averages "
                    + "and optimizers go on as they were, but random numbers go on differently."
            );
        }
        return notes;

        // generators on GPUs, which older programs had, have another kind of state: such a stream begins anew
        void GoOn(byte[] stored, ulong stream, Generator like, Action<byte[]> set)
        {
            if (stored.Length != GeneratorState.Get(like).Length)
            {
                using var anew = new Generator(HostRandom.SeedOf((ulong)(Spec.Seed + progress.Iteration), stream));
                stored = GeneratorState.Get(anew);
            }
            set(stored);
        }
    }

    private static long Total(TrainingSpec spec) => (long)spec.Method.Warmup() + spec.Optimisation.Iterations;

    // what the weights know as class 2 stays it
    private void EnsureSameClasses(TrainingSpec checkpoint)
    {
        if (ClassNaming.Difference(DataShape.Of(checkpoint.Data).KnownNames, DataShape.Of(Spec.Data).KnownNames) is { } other)
        {
            throw new SpecException([
                new(
                    "$.data.classNames",
                    $"The run's classes are not those it began with: {other}. A run goes on with its classes; begin a new one with others."
                ),
            ]);
        }
    }

    private static bool IsRandom(string name) => name.StartsWith("random.", StringComparison.Ordinal);

    // 2.10.0 → 2.10: what decides how numbers are drawn and rounded
    private static string Family(string version) => string.Join('.', version.Split('.', '+').Take(2));

    /// <summary>
    /// Makes the state of every rank that of rank 0, and has the ranks exchange gradients from now on. Only dropout's stream
    /// differs between ranks: their rows are others.
    /// </summary>
    /// <exception cref="TorchException">A rank is gone.</exception>
    internal void Share(RankGroup ranks)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        foreach (var (name, value) in Tensors())
        {
            if (!IsRandom(name))
            {
                ranks.Share(value);
            }
        }
        Progress = JsonSerializer.Deserialize<TrainingProgress>(ranks.Share(JsonSerializer.SerializeToUtf8Bytes(Progress)))!;
        Random.Noise.State = ranks.Share(Random.Noise.State);
        GeneratorState.Set(Random.Host, ranks.Share(GeneratorState.Get(Random.Host)));
        Data.SetState(ranks.Share(Data.GetState()));
        if (ranks.Rank > 0)
        {
            Random.Weights.Random.manual_seed((long)HostRandom.SeedOf((ulong)(Spec.Seed + Progress.Iteration), 16 + (ulong)ranks.Rank));
        }
        foreach (var (part, steps) in Method.Parts.Zip(new[] { Progress.GeneratorSteps, Progress.ScoreSteps }))
        {
            part.Optimizer.Steps = steps;
            ranks.Exchange(part.Parameters);
        }
    }

    private IEnumerable<(string Name, Tensor Value)> Tensors()
    {
        static Tensor Bytes(byte[] state) => SmtWeb.Torch.Tensors.Of(state, [state.Length]);
        return Averages
            .SelectMany(a => a.Network.StateEntries(a.Prefix))
            .Concat(Generator.StateEntries("generator."))
            .Concat(Method.Others.SelectMany(o => o.Network.StateEntries(o.Prefix)))
            .Concat(
                Method.Parts.SelectMany(p =>
                    p.Parameters.Views(p.Optimizer.FirstMoment)
                        .Select(v => ($"adamw.{p.Name}.m.{v.Name}", v.View))
                        .Concat(p.Parameters.Views(p.Optimizer.SecondMoment).Select(v => ($"adamw.{p.Name}.v.{v.Name}", v.View)))
                )
            )
            .Concat(
                new (string, Tensor)[]
                {
                    ("random.weights", Bytes(GeneratorState.Get(Random.Weights.Random))),
                    ("random.noise", Bytes(Random.Noise.State)),
                    ("random.host", Bytes(GeneratorState.Get(Random.Host))),
                    ("random.data", Bytes(Data.GetState())),
                }
            );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var average in Averages)
        {
            average.Dispose();
        }
        Method.Dispose();
        Data.Dispose();
        Random.Dispose();
    }
}
