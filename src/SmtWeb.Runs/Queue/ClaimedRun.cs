namespace SmtWeb.Runs.Queue;

/// <summary>A run that a worker claimed, with the fencing token of its new attempt.</summary>
public sealed record ClaimedRun(long RunId, int Attempt, string Name, long FirstIteration, int Threads);
