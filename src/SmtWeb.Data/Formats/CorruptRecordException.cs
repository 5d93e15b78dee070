namespace SmtWeb.Data.Formats;

/// <summary>A record of a data set cannot be read; the message names the file and the record. Others may well be fine.</summary>
public sealed class CorruptRecordException(string path, long index, string record, string problem, Exception? cause = null)
    : IOException($"{path}: record {index}{(record.Length > 0 ? $" ({record})" : "")} cannot be used: {problem}.", cause)
{
    /// <summary>The file or folder.</summary>
    public string Path { get; } = path;

    /// <summary>Number of the record, from 0.</summary>
    public long Index { get; } = index;

    /// <summary>Name of the record inside the file, or empty.</summary>
    public string Record { get; } = record;

    /// <summary>What is wrong.</summary>
    public string Problem { get; } = problem;
}
