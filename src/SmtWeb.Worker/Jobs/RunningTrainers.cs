using System.Collections.Concurrent;

namespace SmtWeb.Worker.Jobs;

/// <summary>The trainer processes of this node.</summary>
public sealed class RunningTrainers
{
    private readonly ConcurrentDictionary<int, long> _runs = new();

    /// <summary>Their process ids.</summary>
    public IReadOnlyCollection<int> Ids => [.. _runs.Keys];

    internal void Add(int process, long run) => _runs[process] = run;

    internal void Remove(int process) => _runs.TryRemove(process, out _);
}
