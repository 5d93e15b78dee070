using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Training;

/// <summary>A training run in this process: warm-up, training, evaluations, checkpoints.</summary>
public static class TrainingSession
{
    /// <summary>
    /// Trains until the last iteration or until <paramref name="journal"/> signals otherwise.
    /// <paramref name="checkpoint"/> (safetensors, read once from start to end) is what to go on from; null starts afresh.
    /// </summary>
    /// <exception cref="InvalidDataException">The checkpoint is damaged or belongs to another network; names the tensor.</exception>
    public static TrainingResult Run(TrainingSpec spec, ITrainingJournal journal, Stream? checkpoint, int threads) =>
        throw new NotImplementedException();
}
