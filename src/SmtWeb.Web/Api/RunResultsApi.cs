using Microsoft.Net.Http.Headers;
using SmtWeb.Runs;

namespace SmtWeb.Web.Api;

/// <summary>What a run made: curves, evaluations, pictures, checkpoints, log.</summary>
internal static class RunResultsApi
{
    private const int MaxPoints = 100_000;
    private const int MaxEvents = 10_000;

    internal static void MapRunResults(this RouteGroupBuilder runs)
    {
        runs.MapGet("/{id:long}/metrics", MetricsAsync)
            .WithName("GetMetrics")
            .WithSummary(
                "Points of the curves after a sequence number, as JSON (at most 'limit' points; go on from lastSequence) or as CSV "
                    + "(all of them)."
            )
            .Produces<MetricPage>(200, "application/json", "text/csv")
            .ProducesProblem(404);
        runs.MapGet("/{id:long}/evaluations", EvaluationsAsync)
            .WithName("GetEvaluations")
            .WithSummary("Distances between samples and data, oldest first.")
            .Produces<IReadOnlyList<RunEvaluation>>()
            .ProducesProblem(404);
        runs.MapGet("/{id:long}/pictures", PicturesAsync)
            .WithName("GetPictures")
            .WithSummary("Sample grids, interpolation strips and plots, oldest first.")
            .Produces<IReadOnlyList<RunPicture>>()
            .ProducesProblem(404);
        runs.MapGet("/{id:long}/pictures/{pictureId:long}.png", PicturePngAsync)
            .WithName("GetPicturePng")
            .WithSummary("A picture.")
            .Produces<byte[]>(200, "image/png")
            .ProducesProblem(404);
        runs.MapGet("/{id:long}/checkpoints", CheckpointsAsync)
            .WithName("GetCheckpoints")
            .WithSummary("Complete checkpoints, oldest first.")
            .Produces<IReadOnlyList<RunCheckpoint>>()
            .ProducesProblem(404);
        runs.MapGet("/{id:long}/checkpoints/{checkpointId:long}", CheckpointAsync)
            .WithName("DownloadCheckpoint")
            .WithSummary("A checkpoint as safetensors; a part of it where the header Range asks for one.")
            .Produces<byte[]>(200, "application/octet-stream")
            .ProducesProblem(404);
        runs.MapGet("/{id:long}/events", EventsAsync)
            .WithName("GetEvents")
            .WithSummary("Log lines and state changes after an id, oldest first.")
            .Produces<IReadOnlyList<RunEvent>>()
            .ProducesProblem(404);
    }

    private static async Task<IResult> MetricsAsync(
        long id,
        IRunStore runs,
        HttpRequest request,
        CancellationToken ct,
        long after = 0,
        int limit = MaxPoints,
        string? format = null,
        bool superseded = false
    )
    {
        if (limit is < 1 or > MaxPoints)
        {
            return Problems.Invalid("limit", $"{limit} is not from 1 to {MaxPoints}.");
        }

        format ??= request.Headers.Accept.ToString().StartsWith("text/csv", StringComparison.OrdinalIgnoreCase) ? "csv" : "json";
        if (format is not ("json" or "csv"))
        {
            return Problems.Invalid("format", $"'{format}' is neither json nor csv.");
        }

        if (await runs.FindAsync(id, ct) is null)
        {
            return Problems.NoRun(id);
        }

        return format == "csv"
            ? CsvMetrics.Stream(runs, id, after, superseded)
            : TypedResults.Ok(await runs.MetricsAsync(id, after, limit, superseded, ct));
    }

    private static Task<IResult> EvaluationsAsync(long id, IRunStore runs, CancellationToken ct) =>
        OfRunAsync(id, runs, runs.EvaluationsAsync, ct);

    private static Task<IResult> PicturesAsync(long id, IRunStore runs, CancellationToken ct) =>
        OfRunAsync(id, runs, runs.PicturesAsync, ct);

    private static Task<IResult> CheckpointsAsync(long id, IRunStore runs, CancellationToken ct) =>
        OfRunAsync(id, runs, runs.CheckpointsAsync, ct);

    private static async Task<IResult> EventsAsync(long id, IRunStore runs, CancellationToken ct, long after = 0, int limit = 1000) =>
        limit is < 1 or > MaxEvents
            ? Problems.Invalid("limit", $"{limit} is not from 1 to {MaxEvents}.")
            : await OfRunAsync(id, runs, (run, stop) => runs.EventsAsync(run, after, limit, stop), ct);

    private static async Task<IResult> PicturePngAsync(long id, long pictureId, IRunStore runs, HttpResponse response, CancellationToken ct)
    {
        var picture = (await runs.PicturesAsync(id, ct)).FirstOrDefault(p => p.Id == pictureId);
        if (await runs.PicturePngAsync(id, pictureId, ct) is not { } png)
        {
            return Problems.NotFound($"Run {id} has no picture {pictureId}.");
        }

        // a picture never changes under its id; private, because only people who are signed in may see it
        response.Headers.CacheControl = "private, max-age=31536000, immutable";
        var origin = new PngOrigin(id, null, picture?.Iteration, [], null, null);
        origin.Tell(response);
        return TypedResults.Bytes(
            PngText.Add(png, origin.Texts()),
            "image/png",
            entityTag: new EntityTagHeaderValue($"\"{id}-{pictureId}\"")
        );
    }

    private static async Task<IResult> CheckpointAsync(long id, long checkpointId, IRunStore runs, CancellationToken ct)
    {
        var checkpoint = (await runs.CheckpointsAsync(id, ct)).FirstOrDefault(c => c.Id == checkpointId);
        if (checkpoint is null || await runs.OpenCheckpointAsync(id, checkpointId, ct) is not { } stream)
        {
            return Problems.NotFound($"Run {id} has no checkpoint {checkpointId}.");
        }

        return TypedResults.Stream(
            stream,
            "application/octet-stream",
            $"run-{id}-iteration-{checkpoint.Iteration}.safetensors",
            checkpoint.At,
            new EntityTagHeaderValue($"\"{checkpoint.Sha256}\""),
            enableRangeProcessing: true
        );
    }

    private static async Task<IResult> OfRunAsync<T>(
        long id,
        IRunStore runs,
        Func<long, CancellationToken, Task<IReadOnlyList<T>>> read,
        CancellationToken ct
    ) => await runs.FindAsync(id, ct) is null ? Problems.NoRun(id) : TypedResults.Ok(await read(id, ct));
}
