namespace SmtWeb.Runs;

/// <summary>Which runs a list shows.</summary>
public sealed record RunQuery
{
    /// <summary>Runs of a page unless something else is asked for.</summary>
    public const int UsualLimit = 100;

    /// <summary>Most runs of a page.</summary>
    public const int MostLimit = 1000;

    /// <summary>At most so many.</summary>
    public int Limit { get; init; } = UsualLimit;

    /// <summary>Only runs older than this one; null begins with the newest.</summary>
    public long? Before { get; init; }

    /// <summary>Only runs in one of these states; empty: in any.</summary>
    public IReadOnlyList<RunState> States { get; init; } = [];

    /// <summary>Words all of which must be in name, preset, method, data or the person's name, or be <c>#id</c>.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];
}
