namespace SmtWeb.Worker.Generation;

/// <summary>A model that generates: one checkpoint of one run.</summary>
public sealed record GenerationModel(
    long RunId,
    long CheckpointId,
    long Iteration,
    int ClassCount,
    IReadOnlyList<string> ClassNames,
    IReadOnlyList<int> StepChoices
);

/// <summary>
/// What to draw. Without <paramref name="CheckpointId"/> the run's best checkpoint by distance is taken, or its newest where
/// none was measured. <paramref name="Labels"/>: one class per seed, or null. <paramref name="Steps"/>: one of the model's
/// choices, or null for what it does by itself.
/// </summary>
public sealed record GenerationRequest(
    long RunId,
    long? CheckpointId,
    IReadOnlyList<ulong> Seeds,
    IReadOnlyList<int>? Labels,
    int? Steps = null
);
