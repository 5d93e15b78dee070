using System.Text.Json;
using SmtWeb.Data.Settings;
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
        runs.MapGet("/", ListAsync)
            .WithName("ListRuns")
            .WithSummary("Runs, newest first, a page at a time: the header Link (rel=\"next\") leads to the following one.")
            .WithDescription(
                "'state' takes one state or several with commas between; 'q' words, all of which must be in name, preset, method, data "
                    + "or person (or be #id); 'limit' 1 to 1000; 'cursor' comes from the Link of the page before."
            )
            .Produces<IReadOnlyList<RunSummary>>();
        runs.MapPost("/", CreateAsync)
            .WithName("CreateRun")
            .WithSummary("Queues a run: from a preset, a whole spec, or a checkpoint of another run (a fork).")
            .RequireAuthorization(Policies.Operate)
            .Accepts<CreateRunRequest>("application/json")
            .Produces<CreatedRun>(StatusCodes.Status201Created);
        runs.MapGet("/{id:long}", FindAsync)
            .WithName("GetRun")
            .WithSummary("One run with its resolved spec.")
            .Produces<RunDetail>()
            .ProducesProblem(404);
        runs.MapDelete("/{id:long}", DeleteAsync)
            .WithName("DeleteRun")
            .WithSummary("Puts a run that no trainer holds into the trash, for 7 days.")
            .RequireAuthorization(Policies.Operate)
            .OfOwner()
            .Produces(204)
            .ProducesProblem(404)
            .ProducesProblem(409);
        Change(runs.MapPost("/{id:long}/pause", PauseAsync), "PauseRun", "Asks the trainer to write a checkpoint and leave.");
        Change(runs.MapPost("/{id:long}/resume", ResumeAsync), "ResumeRun", "Queues the run again; it goes on from its last checkpoint.");
        Change(runs.MapPost("/{id:long}/cancel", CancelAsync), "CancelRun", "Cancels the run; what it made stays.");
        Change(runs.MapPost("/{id:long}/restore", RestoreAsync), "RestoreRun", "Takes the run out of the trash, in the state that it had.");
        Change(runs.MapPut("/{id:long}/priority", SetPriorityAsync), "SetRunPriority", "Changes the place in the queue.")
            .Accepts<PriorityRequest>("application/json");
        Change(runs.MapPut("/{id:long}/name", RenameAsync), "RenameRun", "Renames the run.").Accepts<RenameRequest>("application/json");
        runs.MapPost("/bulk", BulkAsync)
            .WithName("ChangeRuns")
            .WithSummary("Makes one change of many runs; the answer tells of each whether it was made.")
            .RequireAuthorization(Policies.Operate)
            .Accepts<BulkRequest>("application/json")
            .Produces<IReadOnlyList<BulkOutcome>>();
        runs.MapRunResults();
        runs.MapEvaluationJobs();
        runs.MapNeighbours();
        var trash = api.MapGroup("/trash").WithTags("Runs");
        trash
            .MapGet("/", TrashAsync)
            .WithName("ListTrash")
            .WithSummary("Deleted runs, and until when each can be restored.")
            .Produces<IReadOnlyList<TrashedRun>>();
        trash
            .MapDelete("/{id:long}", PurgeAsync)
            .WithName("PurgeRun")
            .WithSummary("Deletes a run that lies in the trash for good, with all it made.")
            .RequireAuthorization(Policies.Operate)
            .OfOwner()
            .Produces(204)
            .ProducesProblem(404);
    }

    private static RouteHandlerBuilder Change(RouteHandlerBuilder endpoint, string name, string summary) =>
        endpoint
            .WithName(name)
            .WithSummary(summary)
            .RequireAuthorization(Policies.Operate)
            .OfOwner()
            .Produces<RunSummary>(StatusCodes.Status202Accepted)
            .ProducesProblem(404)
            .ProducesProblem(409);

    private static async Task<IResult> ListAsync(
        IRunStore runs,
        HttpContext http,
        CancellationToken ct,
        int limit = RunQuery.UsualLimit,
        string? cursor = null,
        string? state = null,
        string? q = null
    )
    {
        var errors = new List<SpecError>();
        var query = RunQueries.Read(limit, cursor, state, q, errors);
        if (errors.Count > 0)
        {
            return Problems.Invalid(errors);
        }

        var page = await runs.SearchAsync(query, ct);
        if (page.Count == query.Limit)
        {
            http.Response.Headers.Link = $"<{RunQueries.Next(http.Request, page[^1].Id)}>; rel=\"next\"";
        }

        return TypedResults.Ok(page);
    }

    private static async Task<IResult> FindAsync(long id, IRunStore runs, CancellationToken ct) =>
        await runs.FindAsync(id, ct) is { } run ? TypedResults.Ok(run) : Problems.NoRun(id);

    private static async Task<IResult> CreateAsync(HttpRequest request, IRunStore runs, CancellationToken ct)
    {
        var body = await StrictBody<CreateRunRequest>.ReadAsync(request, ct);
        var parent = body.Value?.Fork is { Run: > 0 } fork ? await runs.FindAsync(fork.Run, ct) : null;
        var (spec, preset) = body.Value is null ? (null, null) : Resolve(body.Value, parent, body.Errors);
        if (!body.IsUsable(out var run, out var answer))
        {
            return answer;
        }

        var (name, person) = (
            run.Name ?? (parent is null ? preset?.Title ?? "Run" : NewRun.NameOfFork(parent.Summary.Name)),
            request.HttpContext.User
        );
        try
        {
            var id = await runs.CreateAsync(
                new NewRun(name, spec!, preset?.Name ?? parent?.Summary.Preset, run.Priority ?? 0, person.DisplayName(), person.UserId())
                {
                    Fork = run.Fork is { } from ? new ForkPoint(from.Run, from.Checkpoint) : null,
                },
                ct
            );
            return TypedResults.Created($"/api/v1/runs/{id}", new CreatedRun(id, $"/runs/{id}"));
        }
        catch (SpecException e)
        {
            // what only the registered data sets and the stored runs can tell
            return Problems.Invalid(
                e.Errors.Select(x =>
                    x.Path == "$.name" || x.Path.StartsWith("$.fork", StringComparison.Ordinal)
                        ? x
                        : x with
                        {
                            Path = "$.spec" + x.Path[1..],
                        }
                )
            );
        }
    }

    /// <summary>The whole spec that a request means; what is wrong with it joins <paramref name="errors"/>.</summary>
    private static (TrainingSpec? Spec, Preset? Preset) Resolve(CreateRunRequest request, RunDetail? parent, List<SpecError> errors)
    {
        if (request.Fork is { } fork)
        {
            if (request.Preset is not null)
            {
                errors.Add(new SpecError("$.preset", "A fork has the settings of its run; give either 'preset' or 'fork'."));
            }

            if (parent is null)
            {
                if (fork.Run > 0) // else it is no number of a run, which is said
                {
                    errors.Add(new SpecError("$.fork.run", $"Run {fork.Run} does not exist."));
                }

                return (null, null);
            }

            return (request.Spec is { } changes ? Merge(parent.Spec, changes, errors) : parent.Spec, null);
        }

        var preset = request.Preset is null ? null : Presets.Find(request.Preset);
        if (request.Preset is not null && preset is null)
        {
            errors.Add(
                new SpecError(
                    "$.preset",
                    $"There is no preset '{request.Preset}'; there are {string.Join(", ", Presets.All.Select(p => p.Name))}."
                )
            );
            return (null, null);
        }

        if (request.Spec is not { } json)
        {
            if (preset is null && errors.All(e => e.Path is not ("$.preset" or "$.spec")))
            {
                errors.Add(new SpecError("$", "Either 'preset' or 'spec' must be given, or 'fork'."));
            }

            return (preset?.Spec, preset);
        }

        return (Merge(preset?.Spec, json, errors), preset);
    }

    private static TrainingSpec? Merge(TrainingSpec? start, JsonElement json, List<SpecError> errors)
    {
        var (spec, wrong) = start is null ? SpecJson.Parse(json) : SpecJson.Merge(start, json);
        errors.AddRange(wrong.Select(e => e with { Path = "$.spec" + e.Path[1..] }));
        return spec;
    }

    private static async Task<IResult> PauseAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.PauseAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> ResumeAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.ResumeAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> CancelAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.CancelAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> RestoreAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Problems.ChangeAsync(id, await runs.RestoreAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> SetPriorityAsync(long id, HttpRequest request, IRunStore runs, CancellationToken ct)
    {
        var body = await StrictBody<PriorityRequest>.ReadAsync(request, ct);
        return body.IsUsable(out var wanted, out var answer)
            ? await Problems.ChangeAsync(
                id,
                await runs.SetPriorityAsync(id, wanted.Priority, request.HttpContext.User.DisplayName(), ct),
                runs,
                ct
            )
            : answer;
    }

    private static async Task<IResult> RenameAsync(long id, HttpRequest request, IRunStore runs, CancellationToken ct)
    {
        var body = await StrictBody<RenameRequest>.ReadAsync(request, ct);
        return body.IsUsable(out var wanted, out var answer)
            ? await Problems.ChangeAsync(id, await runs.RenameAsync(id, wanted.Name, request.HttpContext.User.DisplayName(), ct), runs, ct)
            : answer;
    }

    private static async Task<IResult> DeleteAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Gone(id, await runs.DeleteAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> TrashAsync(IRunStore runs, CancellationToken ct) => TypedResults.Ok(await runs.TrashAsync(ct));

    private static async Task<IResult> PurgeAsync(long id, IRunStore runs, HttpContext http, CancellationToken ct) =>
        await Gone(id, await runs.PurgeAsync(id, http.User.DisplayName(), ct), runs, ct);

    private static async Task<IResult> Gone(long id, ChangeResult change, IRunStore runs, CancellationToken ct) =>
        change.Outcome == ChangeOutcome.Done ? TypedResults.NoContent() : await Problems.ChangeAsync(id, change, runs, ct);

    private static async Task<IResult> BulkAsync(HttpRequest request, IRunStore runs, RunOwnership ownership, CancellationToken ct)
    {
        var body = await StrictBody<BulkRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        var (person, by) = (request.HttpContext.User, request.HttpContext.User.DisplayName());
        var outcomes = new List<BulkOutcome>();
        foreach (var id in wanted.Runs.Distinct())
        {
            if (await ownership.RefusalAsync(id, person, ct) is { } refusal)
            {
                outcomes.Add(new BulkOutcome(id, false, refusal));
                continue;
            }

            var change = await (
                wanted.Change switch
                {
                    BulkChange.Pause => runs.PauseAsync(id, by, ct),
                    BulkChange.Resume => runs.ResumeAsync(id, by, ct),
                    BulkChange.Cancel => runs.CancelAsync(id, by, ct),
                    BulkChange.Delete => runs.DeleteAsync(id, by, ct),
                    BulkChange.Restore => runs.RestoreAsync(id, by, ct),
                }
            );
            outcomes.Add(
                new BulkOutcome(id, change.Outcome == ChangeOutcome.Done, change.Outcome == ChangeOutcome.Done ? null : change.Problem)
            );
        }

        return TypedResults.Ok(outcomes);
    }
}
