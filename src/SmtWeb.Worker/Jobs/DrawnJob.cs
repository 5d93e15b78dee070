using System.Globalization;
using Hangfire.Storage;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// A job that this node drew. Hangfire's own bookkeeping of it is cosmetic: whether the work goes on, waits or is over stands in
/// our tables, so nothing here may throw and nothing decides anything.
/// </summary>
internal sealed class DrawnJob(ClaimedWork work, LeasedJobQueue queue) : IFetchedJob
{
    private bool _disposed;

    public string JobId { get; } = work.JobId.ToString(CultureInfo.InvariantCulture);

    public ClaimedWork Work => work;

    /// <summary>The body of the job was called. If not, Hangfire refused it, and the work needs another job.</summary>
    public bool Performed { get; set; }

    public void RemoveFromQueue() => queue.DoneWith(this);

    /// <summary>Nothing: the ticket is in the queue as long as its work is open.</summary>
    public void Requeue() { }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            queue.Free(this);
        }
    }
}
