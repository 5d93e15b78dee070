using SmtWeb.Runs;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>Runs: queue, look, change.</summary>
internal static class RunsApi
{
    internal static void MapRuns(this RouteGroupBuilder api)
    {
        var runs = api.MapGroup("/runs").WithTags("Runs");
        runs.MapGet("/", ListAsync).WithName("ListRuns").WithSummary("All runs, newest first.").Produces<IReadOnlyList<RunSummary>>();
        runs.MapPost("/", CreateAsync).WithName("CreateRun").WithSummary("Queues a run.").RequireAuthorization(Policies.Operate)
            .Accepts<CreateRunRequest>("application/json").Produces<CreatedRun>(StatusCodes.Status201Created).ProducesValidationProblem();
        runs.MapGet("/{id:long}", FindAsync).WithName("GetRun").WithSummary("One run with its resolved spec.").Produces<RunDetail>().ProducesProblem(404);
        runs.MapDelete("/{id:long}", DeleteAsync).WithName("DeleteRun").WithSummary("Deletes a run that no trainer holds, with all it made.")
            .RequireAuthorization(Policies.Operate).Produces(204).ProducesProblem(404).ProducesProblem(409);
        Change(runs.MapPost("/{id:long}/pause", PauseAsync), "PauseRun", "Asks the trainer to write a checkpoint and leave.");
        Change(runs.MapPost("/{id:long}/resume", ResumeAsync), "ResumeRun", "Queues the run again; it goes on from its last checkpoint.");
        Change(runs.MapPost("/{id:long}/stop", StopAsync), "StopRun", "Ends the run; what it made stays.");
        Change(runs.MapPut("/{id:long}/priority", SetPriorityAsync), "SetRunPriority", "Changes the place in the queue.")
            .Accepts<PriorityRequest>("application/json").ProducesValidationProblem();
        Change(runs.MapPut("/{id:long}/name", RenameAsync), "RenameRun", "Renames the run.").Accepts<RenameRequest>("application/json").ProducesValidationProblem();
        runs.MapRunResults();
        runs.MapEvaluationJobs();
        runs.MapNeighbours();
    }

    private static RouteHandlerBuilder Change(RouteHandlerBuilder endpoint, string name, string summary) =>
        endpoint.WithName(name).WithSummary(summary).RequireAuthorization(Policies.Operate)
            .Produces<RunSummary>(StatusCodes.Status202Accepted).ProducesProblem(404).ProducesProblem(409);

    private static async Task<IResult> ListAsync(IRunStore runs, CancellationToken ct) => TypedResults.Ok(await runs.ListAsync(ct));

    private static async Task<IResult> FindAsync(long id, IRunStore runs, CancellationToken ct) =>
        await runs.FindAsync(id, ct) is { } run ? TypedResults.Ok(run) : Problems.NoRun(id);

    private static async Task<IResult> CreateAsync(HttpRequest request, IRunStore runs, CancellationToken ct)
    {
        var body = await StrictBody<CreateRunRequest>.ReadAsync(request, ct);
        var (spec, preset) = body.Value is null ? (null, null) : Resolve(body.Value, body.Errors);
        if (!body.IsUsable(out var run, out var answer))
        {
            return answer;
        }

        var name = run.Name ?? preset?.Title ?? "Run";
        try
        {
            var id = await runs.CreateAsync(new NewRun(name, spec!, preset?.Name, run.Priority ?? 0, request.HttpContext.User.DisplayName()), ct);
            return TypedResults.Created($"/api/v1/runs/{id}", new CreatedRun(id, $"/runs/{id}"));
        }
        catch (SpecException e)
        {
            // what only the registered data sets can tell
            return Problems.Invalid(e.Errors.Select(x => x with { Path = "$.spec" + x.Path[1..] }));
        }
    }

    /// <summary>The whole spec that a request means; what is wrong with it joins <paramref name="errors"/>.</summary>
    private static (TrainingSpec? Spec, Preset? Preset) Resolve(CreateRunRequest request, List<SpecError> errors)
    {
        var preset = request.Preset is null ? null : Presets.Find(request.Preset);
        if (request.Preset is not null && preset is null)
        {
            errors.Add(new SpecError("$.preset", $"There is no preset '{request.Preset}'; there are {string.Join(", ", Presets.All.Select(p => p.Name))}."));
            return (null, null);
        }

        if (request.Spec is not { } json)
        {
            if (preset is null && errors.All(e => e.Path is not ("$.preset" or "$.spec")))
            {
                errors.Add(new SpecError("$", "Either 'preset' or 'spec' must be given."));
            }

            return (preset?.Spec, preset);
        }

        var (spec, wrong) = preset is null ? SpecJson.Parse(json) : SpecJson.Merge(preset.Spec, json);
        errors.AddRange(wrong.Select(e => e with { Path = "$.spec" + e.Path[1..] }));
        return (spec, preset);
    }

    private static async Task<IResult> PauseAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.PauseAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> ResumeAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.ResumeAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> StopAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.StopAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> SetPriorityAsync(long id, HttpRequest request, IRunStore runs, CancellationToken ct)
    {
        var body = await StrictBody<PriorityRequest>.ReadAsync(request, ct);
        return body.IsUsable(out var wanted, out var answer)
            ? await Problems.ChangeAsync(id, await runs.SetPriorityAsync(id, wanted.Priority, request.HttpContext.User.DisplayName(), ct), runs, ct)
            : answer;
    }

    private static async Task<IResult> RenameAsync(long id, HttpRequest request, IRunStore runs, CancellationToken ct)
    {
        var body = await StrictBody<RenameRequest>.ReadAsync(request, ct);
        return body.IsUsable(out var wanted, out var answer)
            ? await Problems.ChangeAsync(id, await runs.RenameAsync(id, wanted.Name, request.HttpContext.User.DisplayName(), ct), runs, ct)
            : answer;
    }

    private static async Task<IResult> DeleteAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct)
    {
        var change = await runs.DeleteAsync(id, http.User.DisplayName(), ct);
        return change.Outcome == ChangeOutcome.Done ? TypedResults.NoContent() : await Problems.ChangeAsync(id, change, runs, ct);
    }
}
