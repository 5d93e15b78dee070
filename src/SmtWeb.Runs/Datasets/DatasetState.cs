namespace SmtWeb.Runs.Datasets;

/// <summary>State of a registered data set.</summary>
public enum DatasetState
{
    /// <summary>Waits for a worker.</summary>
    Queued,

    /// <summary>A worker reads it.</summary>
    Checking,

    /// <summary>Can be trained on.</summary>
    Ready,

    /// <summary>Cannot be used; its problem says why.</summary>
    Failed,
}

/// <summary>
/// A data set to register. An empty <paramref name="Kind"/> is found out; a <paramref name="Side"/> above 0 is what images of a folder are
/// brought to.
/// </summary>
public sealed record NewDataset(string Name, string Path, string Kind, bool SkipCorrupt, int Side, string By);

/// <summary>A registered data set as people see it.</summary>
public sealed record DatasetSummary(
    long Id,
    string Name,
    string Path,
    string Kind,
    DatasetState State,
    string? Problem,
    string? Phase,
    double Progress,
    bool SkipCorrupt,
    string? Sha256,
    long Bytes,
    int Records,
    int Side,
    int Channels,
    IReadOnlyList<string> ClassNames,
    IReadOnlyList<int> ClassCounts,
    int CorruptCount,
    IReadOnlyList<string> Corrupt,
    int SampleColumns,
    IReadOnlyList<int> SampleLabels,
    string CreatedBy,
    DateTimeOffset Created,
    DateTimeOffset? Checked
)
{
    /// <summary>What the check found that a person should know, each in a line.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Number of classes; 0 without labels.</summary>
    public int Classes => ClassCounts.Count;

    /// <summary>A class for people: its name, or its number where it has none.</summary>
    public string ClassName(int label) => label < ClassNames.Count ? ClassNames[label] : $"class {label}";
}

/// <summary>A check that a worker has claimed.</summary>
public sealed record ClaimedCheck(long Id, int Attempt, string Path, string Kind, bool SkipCorrupt, int Side);
