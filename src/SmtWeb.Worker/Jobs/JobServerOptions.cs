namespace SmtWeb.Worker.Jobs;

/// <summary>How many jobs of a queue this node does at a time.</summary>
internal sealed record JobSlot(string Queue, int Count);

/// <summary>Times of the servers of jobs.</summary>
internal sealed record JobServerOptions
{
    /// <summary>Time for which a claim holds without a sign of life.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Outage of the database after which Hangfire gives its server up and starts another in its place. Trainers wait for the
    /// database for less (<see cref="WorkerOptions.Patience"/>), so that none is at work by then.
    /// </summary>
    public TimeSpan ServerTimeout { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>How long the servers may take to end. The host waits longer (<c>HostOptions.ShutdownTimeout</c>).</summary>
    public TimeSpan Shutdown { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Name of this process among the workers.</summary>
    public static string Worker { get; } = $"{Environment.MachineName}:{Environment.ProcessId}";
}
