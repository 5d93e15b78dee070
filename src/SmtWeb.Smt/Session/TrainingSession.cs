using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Measures;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>A training run in this process: warm-up, training, evaluations, checkpoints.</summary>
public static class TrainingSession
{
    /// <summary>
    /// Trains until the last iteration or until <paramref name="journal"/> signals otherwise.
    /// <paramref name="checkpoint"/> (safetensors, read once from start to end) is what to go on from; null starts afresh.
    /// <paramref name="threads"/> CPU threads are used where the spec asks for none. The network of FID is looked for in
    /// <see cref="MetricsFolder.Default"/>.
    /// </summary>
    /// <exception cref="SpecException">The spec has errors, or asks for a device that is not there.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged or belongs to another network; names the tensor.</exception>
    /// <exception cref="RankLostException">One of several processes that shared the run has died.</exception>
    /// <exception cref="FileNotFoundException">The data set is not installed; says how to install it.</exception>
    /// <exception cref="CorruptRecordException">A record of the data cannot be read; found before the first iteration.</exception>
    /// <exception cref="DataChangedException">The data are not those that the checkpoint was trained on.</exception>
    /// <exception cref="DataStoppedException">The data could not be read on; a checkpoint was written.</exception>
    public static TrainingResult Run(TrainingSpec spec, ITrainingJournal journal, Stream? checkpoint, int threads) =>
        Run(spec, journal, checkpoint, threads, MetricsFolder.Default);

    /// <summary>The same, with the network of FID looked for in <paramref name="metricsFolder"/>.</summary>
    internal static TrainingResult Run(TrainingSpec spec, ITrainingJournal journal, Stream? checkpoint, int threads, string metricsFolder)
    {
        Ensure(spec);
        threads =
            spec.Hardware.Threads > 0 ? spec.Hardware.Threads
            : threads > 0 ? threads
            : Environment.ProcessorCount;
        var devices = spec.Hardware.Devices;
        if (devices == 1)
        {
            return Train(spec, journal, checkpoint, threads, null, metricsFolder);
        }

        threads = Math.Max(1, threads / devices);
        using var others = RankProcesses.Start(spec, threads);
        try
        {
            return RunRank(spec, journal, checkpoint, threads, others.Host, others.Port, 0, devices, metricsFolder);
        }
        catch (TorchException e) when (others.Lost() is { } lost)
        {
            throw new RankLostException($"A process of this run died: {lost}.", e);
        }
    }

    /// <summary>
    /// Trains as one of the ranks that meet at <paramref name="host"/>:<paramref name="port"/>. Rank 0 alone has a checkpoint and reports.
    /// </summary>
    internal static TrainingResult RunRank(
        TrainingSpec spec,
        ITrainingJournal journal,
        Stream? checkpoint,
        int threads,
        string host,
        int port,
        int rank,
        int size,
        string? metricsFolder = null,
        TimeSpan? patience = null
    )
    {
        Ensure(spec);
        TorchRuntime.Initialize();
        using var ranks = RankGroup.Join(host, port, rank, size, Choose(spec.Hardware.Device, rank).type, patience);
        return Train(spec, journal, checkpoint, threads, ranks, metricsFolder ?? MetricsFolder.Default);
    }

    private static void Ensure(TrainingSpec spec)
    {
        var errors = SpecValidation.Validate(spec);
        if (errors.Count > 0)
        {
            throw new SpecException(errors);
        }
    }

    private static TrainingResult Train(
        TrainingSpec spec,
        ITrainingJournal journal,
        Stream? checkpoint,
        int threads,
        RankGroup? ranks,
        string metricsFolder
    )
    {
        TorchRuntime.Initialize();
        var device = Choose(spec.Hardware.Device, ranks?.Rank ?? 0);
        // an MLP is one operator, which splits rows itself
        RowSplit.Enabled = threads > 1 && device.type == DeviceType.CPU && spec.Network is UNetSpec;
        TorchRuntime.Threads = RowSplit.Enabled ? threads / 2 : threads;
        if (device.type == DeviceType.CUDA)
        {
            Gpu.EnableFastMath();
        }
        else if (GpuDriver.IsGpuBuild && spec.Hardware.Device == DeviceChoice.Automatic)
        {
            journal.Log(LogLevel.Warning, $"This run computes on the CPU. {GpuDriver.Problem}".TrimEnd());
        }

        using var state = Open(spec, device, journal, checkpoint is null, ranks);
        state.Data.Note = text => journal.Log(LogLevel.Warning, text);
        var shape = DataShape.Of(spec.Data);
        if (ClassCoverage.Describe(state.Data.ClassCounts, shape.Classes, shape.ClassNames) is { } empty)
        {
            journal.Log(
                LogLevel.Warning,
                $"{empty}. The network has a place for each class and learns nothing of these; distances are of images of the others."
            );
        }
        foreach (var note in ClassNaming.Notes(shape.KnownNames))
        {
            journal.Log(LogLevel.Warning, $"{note}.");
        }
        try
        {
            // the other ranks have the same data, or the numbers would not agree
            if (ranks is null)
            {
                Begin(state, journal, checkpoint, metricsFolder);
            }
            else
            {
                ranks.WhileFirst(() => Begin(state, journal, checkpoint, metricsFolder));
            }
        }
        catch (OperationCanceledException) when (journal.Signal != TrainingSignal.Continue)
        {
            return Left(journal.Signal);
        }

        if (ranks is not null)
        {
            state.Share(ranks);
        }
        journal.Log(
            LogLevel.Information,
            $"{(checkpoint is null ? "Starts" : $"Goes on at iteration {state.Progress.Iteration}")}: libtorch {TorchRuntime.Version}, "
                + $"{device}{(ranks is null ? "" : $" and {ranks.Size - 1} more")}, {threads} threads, kernels {TorchRuntime.Kernels}, "
                + $"{state.Method.Describe()}."
        );
        if (device.type == DeviceType.CPU && TorchRuntime.Kernels.StartsWith("none", StringComparison.Ordinal))
        {
            journal.Log(LogLevel.Warning, $"This run is slower than it could be. Kernels: {TorchRuntime.Kernels}.");
        }
        if (device.type == DeviceType.CUDA && Gpu.Memory() is { } memory)
        {
            journal.Log(LogLevel.Information, $"GPU memory: {memory.Used >> 20:N0} of {memory.Total >> 20:N0} MiB in use.");
        }
        using var loop = new TrainingLoop(state, journal, ranks, metricsFolder);
        return loop.Run();
    }

    // Reads the data and ties the run to them, before anything is made of them.
    private static void Begin(TrainingState state, ITrainingJournal journal, Stream? checkpoint, string metricsFolder)
    {
        var data = DataReading.Read(state.Data, journal, Path.Combine(metricsFolder, "cache"));
        if (checkpoint is null)
        {
            DataReading.EnsureStated(state.Spec, data);
            state.Progress = state.Progress with { Data = data };
        }
        else
        {
            foreach (var note in state.Load(checkpoint, data, journal.AcceptsChangedData))
            {
                journal.Log(LogLevel.Warning, note);
            }
        }

        if (data is not null)
        {
            journal.Log(LogLevel.Information, $"Data: {data.Describe()}.");
        }
        if (data is { CorruptCount: > 0 })
        {
            journal.Log(
                LogLevel.Warning,
                $"{data.CorruptCount:N0} of {data.Records:N0} records cannot be read and are passed over, as the spec says (skipCorrupt)."
            );
        }
    }

    // while the data were read: nothing has been learned that a checkpoint could keep
    private static TrainingResult Left(TrainingSignal signal) =>
        signal switch
        {
            TrainingSignal.Pause => new(TrainingOutcome.Paused, "Paused by request, while the data were read."),
            TrainingSignal.Stop => new(TrainingOutcome.Stopped, "Stopped by request, while the data were read."),
            _ => new(TrainingOutcome.Abandoned, "The attempt no longer owns the run."),
        };

    // a checkpoint holds the teacher's weights; only a fresh distillation reads it
    private static TrainingState Open(TrainingSpec spec, Device device, ITrainingJournal journal, bool fresh, RankGroup? ranks)
    {
        // the other ranks get everything from rank 0
        if (spec.Method is not SmdSpec smd || !fresh || ranks is { Rank: > 0 })
        {
            return new(spec, device, null, ranks);
        }
        using var scope = torch.NewDisposeScope();
        using var stream = journal.OpenTeacher(smd.Teacher);
        var teacher = Teacher.Read(smd.Teacher, stream);
        teacher.EnsureClasses(spec.Data);
        return new(spec, device, teacher, ranks);
    }

    // each rank has a GPU of its own
    private static Device Choose(DeviceChoice choice, int rank)
    {
        var gpus = Gpu.Count;
        if (choice == DeviceChoice.Cpu || (choice == DeviceChoice.Automatic && gpus == 0))
        {
            return torch.CPU;
        }
        return gpus > rank
            ? new Device(DeviceType.CUDA, rank)
            : throw new SpecException([
                gpus == 0
                    ? new SpecError(
                        "$.hardware.device",
                        "Device is 'cuda', but there is no GPU that libtorch can use; choose 'automatic' or 'cpu'. "
                            + $"{GpuDriver.Problem ?? "The driver is in order, but shows libtorch no GPU."}"
                    )
                    : new SpecError(
                        "$.hardware.devices",
                        $"Devices asks for more GPUs than the {gpus} of this machine; choose at most {gpus}."
                    ),
            ]);
    }
}
