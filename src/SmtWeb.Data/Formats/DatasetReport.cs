namespace SmtWeb.Data.Formats;

/// <summary>A record that could not be read.</summary>
public sealed record CorruptRecord(long Index, string Record, string Problem);

/// <summary>
/// What a data set holds, found by reading all of it once. <paramref name="ClassCounts"/> has one number a class;
/// <paramref name="Corrupt"/> names at most <see cref="DatasetCheck.MostNamed"/> of <paramref name="CorruptCount"/> records.
/// <paramref name="SampleLabels"/> are those of the cells of the sample picture, -1 without.
/// </summary>
public sealed record DatasetReport(
    string Kind,
    string Path,
    string Sha256,
    long Bytes,
    int Records,
    int Side,
    int Channels,
    int Classes,
    IReadOnlyList<string> ClassNames,
    IReadOnlyList<int> ClassCounts,
    int CorruptCount,
    IReadOnlyList<CorruptRecord> Corrupt,
    int SampleColumns,
    IReadOnlyList<int> SampleLabels
)
{
    /// <summary>SHA-256 of the decoded pixels and labels in their order: what a model learns from, whatever it is stored in.</summary>
    public string ImagesSha256 { get; init; } = "";

    /// <summary>What ties a run to these data.</summary>
    internal DataReceipt Receipt => new(Sha256, ImagesSha256, Records + CorruptCount, Bytes, CorruptCount);

    /// <summary>What was passed over, what changed pixels, and other things that a person should know.</summary>
    public IReadOnlyList<DatasetNote> Notes { get; init; } = [];
}

/// <summary>
/// How far a check is: <paramref name="Phase"/> is what it does, <paramref name="Done"/> of <paramref name="Total"/> bytes or records.
/// </summary>
public readonly record struct CheckProgress(string Phase, long Done, long Total);
