namespace SmtWeb.Runs.Queue;

/// <summary>
/// A ticket of Hangfire's queue that a worker drew, and the work behind it with the fencing token of its new attempt.
/// <paramref name="Ticket"/> and <paramref name="JobId"/> are Hangfire's.
/// </summary>
public abstract record ClaimedWork(string Queue, long JobId, long Ticket, int Attempt);

/// <summary>A run that a worker claimed.</summary>
public sealed record ClaimedRun(long RunId, int Attempt, string Name, long FirstIteration, int Threads, long JobId, long Ticket)
    : ClaimedWork(JobQueues.Training, JobId, Ticket, Attempt);

/// <summary>Other work that a worker claimed; <paramref name="Losses"/> attempts at it were lost before.</summary>
public sealed record ClaimedItem(string Queue, long Subject, int Attempt, int Losses, long JobId, long Ticket)
    : ClaimedWork(Queue, JobId, Ticket, Attempt);
