namespace SmtWeb.Runs.Generations;

/// <summary>A batch of images that is drawn in the background. <paramref name="Drawn"/> of its images are stored.</summary>
public sealed record GenerationBatch(
    long Id,
    long RunId,
    long CheckpointId,
    ulong FirstSeed,
    int Images,
    int? Label,
    int? Steps,
    string By,
    GenerationBatchState State,
    int Drawn,
    string? Problem,
    DateTimeOffset Created,
    DateTimeOffset? Ended
)
{
    /// <summary>How long the images are kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(7);
}
