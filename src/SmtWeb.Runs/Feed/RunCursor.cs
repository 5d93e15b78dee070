namespace SmtWeb.Runs.Feed;

/// <summary>How far the feed has read the rows of a run.</summary>
internal sealed class RunCursor
{
    public long Metric { get; set; }

    public long Evaluation { get; set; }

    public long Picture { get; set; }

    public long Checkpoint { get; set; }

    public long Event { get; set; }

    /// <summary>Newest attempt seen; a newer one may have rewound the curves while nobody listened.</summary>
    public int Attempt { get; set; }

    /// <summary>False until the end of each table was read once.</summary>
    public bool Placed { get; set; }
}
