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
    /// <summary>What was passed over, what changed pixels, and other things that a person should know.</summary>
    public IReadOnlyList<DatasetNote> Notes { get; init; } = [];
}

/// <summary>
/// How far a check is: <paramref name="Phase"/> is what it does, <paramref name="Done"/> of <paramref name="Total"/> bytes or records.
/// </summary>
public readonly record struct CheckProgress(string Phase, long Done, long Total);
