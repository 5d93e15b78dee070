namespace SmtWeb.Runs.Queue;

/// <summary>
/// When a run may be taken and in which order, in SQL over a row called <c>student</c>. The claim and the sentence that says
/// why a run waits are built from these same words.
/// </summary>
internal static class Claimable
{
    /// <summary>It waits.</summary>
    public const string Waiting = "student.state IN ('Queued', 'Recovering')";

    /// <summary>It is not held back after a lost attempt.</summary>
    public const string Due = "(student.not_before IS NULL OR student.not_before <= now())";

    /// <summary>It has no teacher that is still to be finished.</summary>
    public const string Taught = "NOT EXISTS (" + Teachers.Unfinished + ")";

    /// <summary>Its job is in the queue.</summary>
    public const string HasTicket =
        "EXISTS (SELECT 1 FROM hangfire.jobqueue q WHERE q.jobid = student.job_id AND q.queue = '" + JobQueues.Training + "')";

    /// <summary>Strict priority, then age.</summary>
    public const string Order = "student.priority DESC, student.id";

    /// <summary>
    /// No attempt is taken for lost before the server has been up for a lease (parameter <paramref name="lease"/>): after
    /// an outage all leases have run out, and whoever trained through it must have had the time to say so.
    /// </summary>
    public static string ServerIsUpFor(string lease) => $"pg_postmaster_start_time() < now() - {lease}::interval";
}
