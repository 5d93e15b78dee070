using System.Security.Claims;
using SmtWeb.Runs;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>Evaluations of checkpoints beside training: queue one, see how far they are, take one back.</summary>
internal static class EvaluationsApi
{
    internal static void MapEvaluationJobs(this RouteGroupBuilder runs)
    {
        runs.MapGet("/{id:long}/evaluation-jobs", ListAsync)
            .WithName("GetEvaluationJobs")
            .WithSummary("Queued, running and ended evaluations of a run's checkpoints, newest first.")
            .Produces<IReadOnlyList<EvaluationJob>>()
            .ProducesProblem(404);
        runs.MapPost("/{id:long}/checkpoints/{checkpointId:long}/evaluations", QueueAsync)
            .RequireAuthorization(Policies.Operate)
            .WithName("QueueEvaluation")
            .WithSummary(
                "Queues the evaluation of a checkpoint by a protocol: quick, full-10k or edm-50k; of a few-step generator also in 2 or "
                    + "4 steps per image. The checkpoint is kept until it is measured."
            )
            .Produces<EvaluationJob>(202)
            .ProducesProblem(404)
            .ProducesProblem(409);
        runs.MapDelete("/{id:long}/evaluation-jobs/{jobId:long}", CancelAsync)
            .RequireAuthorization(Policies.Operate)
            .WithName("CancelEvaluation")
            .WithSummary("Takes a waiting or running evaluation back.")
            .Produces(204)
            .ProducesProblem(404)
            .ProducesProblem(409);
    }

    private static async Task<IResult> ListAsync(long id, IRunStore runs, EvaluationQueue queue, CancellationToken ct) =>
        await runs.FindAsync(id, ct) is null ? Problems.NoRun(id) : TypedResults.Ok(await queue.OfRunAsync(id, ct));

    private static async Task<IResult> QueueAsync(
        long id,
        long checkpointId,
        EvaluationQueue queue,
        ClaimsPrincipal user,
        CancellationToken ct,
        string protocol = "quick",
        int? steps = null
    )
    {
        if (EvaluationProtocol.All.All(p => p.Name != protocol))
        {
            return Problems.Invalid(
                "protocol",
                $"There is no protocol '{protocol}'; there are {string.Join(", ", EvaluationProtocol.All.Select(p => p.Name))}."
            );
        }

        if (steps is not (null or 1 or 2 or 4))
        {
            return Problems.Invalid("steps", $"{steps} steps are asked for; generation takes 1, 2 or 4.");
        }

        // a protocol's own name is without steps, and 1 is what it says without
        var name = EvaluationProtocol.Find(protocol).WithSteps(steps).Name;
        var change = await queue.EnqueueAsync(id, checkpointId, name, user.DisplayName(), ct);
        return change.Outcome switch
        {
            ChangeOutcome.Done => TypedResults.Accepted(
                $"/api/v1/runs/{id}/evaluation-jobs",
                (await queue.OfRunAsync(id, ct)).First(j => j.CheckpointId == checkpointId && j.Protocol == name)
            ),
            ChangeOutcome.NotFound => Problems.NotFound(change.Problem!),
            ChangeOutcome.Conflict => Problems.Conflict(change.Problem!),
        };
    }

    private static async Task<IResult> CancelAsync(
        long id,
        long jobId,
        EvaluationQueue queue,
        RunOwnership ownership,
        ClaimsPrincipal user,
        CancellationToken ct
    )
    {
        if ((await queue.OfRunAsync(id, ct)).FirstOrDefault(j => j.Id == jobId) is not { } job)
        {
            return Problems.NotFound($"Run {id} has no evaluation {jobId}.");
        }

        // whoever asked for it may take it back, and whoever may change the run
        if (
            ownership.Refusal($"Evaluation {jobId}", job.CreatedBy, user) is { } refusal
            && await ownership.RefusalAsync(id, user, ct) is not null
        )
        {
            return TypedResults.Problem(refusal, statusCode: StatusCodes.Status403Forbidden);
        }

        var change = await queue.CancelAsync(jobId, ct);
        return change.Outcome == ChangeOutcome.Done ? TypedResults.NoContent() : Problems.Conflict(change.Problem!);
    }
}
