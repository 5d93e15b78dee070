namespace SmtWeb.Runs;

/// <summary>
/// The list of runs as a table that is shown in parts: found, ordered and cut in SQL, so that ten thousand runs stay quick.
/// </summary>
public interface IRunTable
{
    /// <summary>The part of the table that a view asks for. What lies in the trash is in none.</summary>
    Task<RunTablePart> ReadAsync(RunTableView view, CancellationToken ct = default);

    /// <summary>The newest picture of samples of each of these runs, where there is one.</summary>
    Task<IReadOnlyDictionary<long, RunPicture>> NewestPicturesAsync(IReadOnlyCollection<long> runs, CancellationToken ct = default);
}

/// <summary>What a table of runs shows.</summary>
public sealed record RunTableView
{
    /// <summary>Only runs in these states; empty: in any.</summary>
    public IReadOnlyCollection<RunState> States { get; init; } = [];

    /// <summary>
    /// Words that all must stand in the name, preset, method, data or person, or be the number as #12; null or empty: none.
    /// </summary>
    public string? Search { get; init; }

    /// <summary>The column that orders it.</summary>
    public RunTableOrder Order { get; init; } = RunTableOrder.Created;

    /// <summary>From the largest down. What a run does not have comes last either way.</summary>
    public bool Descending { get; init; } = true;

    /// <summary>Runs before the part.</summary>
    public int Skip { get; init; }

    /// <summary>Runs in the part.</summary>
    public int Take { get; init; } = 50;
}

/// <summary>Columns that order a table of runs.</summary>
public enum RunTableOrder
{
    /// <summary>When it was queued first.</summary>
    Created,

    /// <summary>Its name.</summary>
    Name,

    /// <summary>Its state: what is at work first.</summary>
    State,

    /// <summary>The part of its iterations that is done.</summary>
    Progress,

    /// <summary>Its speed.</summary>
    Speed,

    /// <summary>Whose it is: the lab's first or last, people by name.</summary>
    Owner,

    /// <summary>Its newest distance, among runs measured with the same metric.</summary>
    Distance,
}

/// <summary>A part of the table, how many runs the view has, and how many runs there are in each state whatever the view.</summary>
public sealed record RunTablePart(IReadOnlyList<RunSummary> Runs, int Total, IReadOnlyDictionary<RunState, int> States)
{
    /// <summary>All runs there are.</summary>
    public int All => States.Values.Sum();
}
