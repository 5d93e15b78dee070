using Hangfire.Server;
using Microsoft.Extensions.Hosting;
using SmtWeb.Runs;
using SmtWeb.Runs.Queue;
using SmtWeb.Worker.Evaluation;

namespace SmtWeb.Worker.Jobs;

/// <summary>Measures the training images of a run for their neighbours, on the node that asked: its pages need the file.</summary>
internal sealed class NeighbourJobs(
    NeighbourService service,
    IRunStore store,
    WorkItems items,
    JobServerOptions options,
    JobClaims claims,
    IHostApplicationLifetime lifetime
) : INeighbourJobs
{
    public async Task<string> MeasureAsync(long runId, string data, PerformContext? context)
    {
        var work = claims.Take<ClaimedItem>(context);
        if (await store.FindAsync(runId) is not { } run)
        {
            return "The run was deleted.";
        }

        await using var keeper = new LeaseKeeper(
            () => items.RenewAsync(work, options.Lease),
            options.Lease / 3,
            lifetime.ApplicationStopping
        );
        try
        {
            if (work.Losses >= WorkItems.MostAttempts)
            {
                throw new InvalidDataException($"given up after {work.Losses} attempts without a sign of life");
            }

            string path = await service.PerformAsync(run.Spec, keeper.Over);
            await items.EndAsync(work);
            return path;
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // what was measured is kept and gone on with
            await items.ReleaseAsync(work);
            throw new WaitsAgainException(work.Queue, "the node shut down");
        }
        catch (OperationCanceledException)
        {
            throw new JobAbortedException(); // another node has it
        }
        catch (InvalidDataException e)
        {
            await items.EndAsync(work);
            throw new WorkFailedException(e.Message);
        }
    }
}
