using System.Diagnostics;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Whether this worker may take others for lost. One that was without the database itself waits a lease first: those
/// who trained through the outage renew theirs as soon as they can.
/// </summary>
internal sealed class LeaseJudge(JobServerOptions options)
{
    private long _lost;

    /// <summary>True where the database was there for a lease.</summary>
    public bool Trusts => Volatile.Read(ref _lost) is var lost && (lost == 0 || Stopwatch.GetElapsedTime(lost) > options.Lease);

    /// <summary>The database did not answer just now.</summary>
    public void Lost() => Volatile.Write(ref _lost, Stopwatch.GetTimestamp());
}
