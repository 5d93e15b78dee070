using Hangfire.Common;
using Hangfire.States;

namespace SmtWeb.Worker.Jobs;

/// <summary>The attempt is over, its work is not: the job goes back into its queue.</summary>
internal sealed class WaitsAgainException(string queue, string reason) : Exception(reason)
{
    public string Queue => queue;
}

/// <summary>Has Hangfire write that down as what it is, and not as a failure.</summary>
internal sealed class WaitsAgainFilter : JobFilterAttribute, IElectStateFilter
{
    public void OnStateElection(ElectStateContext context)
    {
        if (context.CandidateState is FailedState { Exception: WaitsAgainException waits })
        {
            context.CandidateState = new EnqueuedState(waits.Queue) { Reason = waits.Message };
        }
    }
}

/// <summary>The work failed, for the reason that its run, evaluation or data set shows as well.</summary>
internal sealed class WorkFailedException(string reason) : Exception(reason);
