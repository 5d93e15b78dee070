namespace SmtWeb.Worker.Generation;

/// <summary>Limits of generation.</summary>
public sealed record GenerationOptions
{
    /// <summary>Models held in memory.</summary>
    public int Models { get; init; } = 3;

    /// <summary>Images of one network call.</summary>
    public int BatchImages { get; init; } = 256;

    /// <summary>Images of one request.</summary>
    public int RequestImages { get; init; } = 4096;

    /// <summary>Images waiting for one model before requests are turned away.</summary>
    public int WaitingImages { get; init; } = 8192;

    /// <summary>Images waiting for all models of the node together, those that are still being loaded included.</summary>
    public int NodeImages { get; init; } = 16_384;
}
