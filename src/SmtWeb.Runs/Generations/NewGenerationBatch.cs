namespace SmtWeb.Runs.Generations;

/// <summary>
/// A batch to be queued: image i is drawn from <paramref name="FirstSeed"/> + i. <paramref name="Label"/> null: the model's own
/// choice of classes.
/// </summary>
public sealed record NewGenerationBatch(long RunId, long CheckpointId, ulong FirstSeed, int Images, int? Label, int? Steps, string By);
