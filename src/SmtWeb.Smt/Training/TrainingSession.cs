using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>A training run in this process: warm-up, training, evaluations, checkpoints.</summary>
public static class TrainingSession
{
    /// <summary>
    /// Trains until the last iteration or until <paramref name="journal"/> signals otherwise.
    /// <paramref name="checkpoint"/> (safetensors, read once from start to end) is what to go on from; null starts afresh.
    /// <paramref name="threads"/> CPU threads are used where the spec asks for none.
    /// </summary>
    /// <exception cref="SpecException">The spec has errors, or asks for a device that is not there.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged or belongs to another network; names the tensor.</exception>
    /// <exception cref="FileNotFoundException">The data set is not installed; says how to install it.</exception>
    public static TrainingResult Run(TrainingSpec spec, ITrainingJournal journal, Stream? checkpoint, int threads)
    {
        var errors = SpecValidation.Validate(spec);
        if (errors.Count > 0) throw new SpecException(errors);
        torch.Initialize();
        threads = spec.Hardware.Threads > 0 ? spec.Hardware.Threads : threads > 0 ? threads : Environment.ProcessorCount;
        var device = Choose(spec.Hardware.Device);
        RowSplit.Enabled = threads > 1 && device.Type == DeviceType.Cpu && spec.Network is not MlpSpec;
        torch.Threads = RowSplit.Enabled ? threads / 2 : threads;
        if (device.Type == DeviceType.Cuda) torch.CudaFastMath(true);

        using var state = Open(spec, device, journal, fresh: checkpoint is null);
        state.Data.Note = text => journal.Log(LogLevel.Warning, text);
        if (checkpoint is not null) state.Load(checkpoint);
        journal.Log(LogLevel.Information, $"{(checkpoint is null ? "Starts" : $"Goes on at iteration {state.Progress.Iteration}")}: libtorch {torch.Version}, {device}, {threads} threads, {state.Method.Describe()}.");
        return new TrainingLoop(state, journal).Run();
    }

    // a checkpoint holds the teacher's weights; only a fresh distillation reads it
    private static TrainingState Open(TrainingSpec spec, Device device, ITrainingJournal journal, bool fresh)
    {
        if (spec.Method is not SmdSpec smd || !fresh) return new(spec, device);
        using var scope = torch.NewDisposeScope();
        using var stream = journal.OpenTeacher(smd.Teacher);
        return new(spec, device, Teacher.Read(smd.Teacher, stream));
    }

    private static Device Choose(DeviceChoice choice) => choice switch
    {
        DeviceChoice.Cpu => Device.Cpu,
        DeviceChoice.Automatic => torch.CudaDevices > 0 ? Device.Cuda() : Device.Cpu,
        DeviceChoice.Cuda => torch.CudaDevices > 0
            ? Device.Cuda()
            : throw new SpecException([new SpecError("$.hardware.device", "Device is 'cuda', but this machine has no GPU that libtorch can use; choose 'automatic' or 'cpu'.")]),
    };
}
