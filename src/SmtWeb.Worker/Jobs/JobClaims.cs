using System.Collections.Concurrent;
using Hangfire.Server;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// From the draw to the body of the job: Hangfire hands on nothing but the job's id, and an attempt number read again from
/// the database could be that of another worker. A claim is taken once.
/// </summary>
internal sealed class JobClaims
{
    private readonly ConcurrentDictionary<string, DrawnJob> _drawn = new();

    public void Put(DrawnJob job) => _drawn[job.JobId] = job;

    public void Forget(DrawnJob job) => _drawn.TryRemove(KeyValuePair.Create(job.JobId, job));

    /// <summary>The claim of the job that Hangfire performs.</summary>
    /// <exception cref="JobAbortedException">It has none: this process did not draw it.</exception>
    public T Take<T>(PerformContext? context)
        where T : ClaimedWork
    {
        if (context is null || !_drawn.TryRemove(context.BackgroundJob.Id, out var job))
        {
            throw new JobAbortedException();
        }

        job.Performed = true;
        return (T)job.Work;
    }
}
