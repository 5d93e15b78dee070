namespace SmtWeb.Worker.Jobs;

/// <summary>
/// What this node has room for. A slot is taken by a claim and given back when Hangfire is done with the job, so that a
/// server that Hangfire restarts beside jobs that are still at work never does more than there is room for.
/// </summary>
internal sealed class JobSlots(IEnumerable<JobSlot> slots)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _free = slots.GroupBy(s => s.Queue).ToDictionary(g => g.Key, g => g.Last().Count);

    /// <summary>Slots of all queues together.</summary>
    public int Count { get; } = slots.GroupBy(s => s.Queue).Sum(g => g.Last().Count);

    /// <summary>The queues.</summary>
    public string[] Queues { get; } = [.. slots.Select(s => s.Queue).Distinct()];

    /// <summary>The queues that have a free slot.</summary>
    public List<string> Free()
    {
        lock (_lock)
        {
            return [.. _free.Where(f => f.Value > 0).Select(f => f.Key)];
        }
    }

    public void Take(string queue) => Change(queue, -1);

    public void Return(string queue) => Change(queue, 1);

    private void Change(string queue, int by)
    {
        lock (_lock)
        {
            _free[queue] += by;
        }
    }
}
