using System.Globalization;
using System.IO.Compression;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Runs.Generations;
using SmtWeb.Web.Auth;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Api;

/// <summary>Generations of more images than one answer holds: queued, drawn in the background, fetched as one zip.</summary>
internal static class GenerationBatchesApi
{
    private static readonly JsonSerializerOptions InZip = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    internal static void MapGenerationBatches(this RouteGroupBuilder api)
    {
        var batches = api.MapGroup("/generation-batches").WithTags("Generations");
        batches
            .MapGet("/", ListAsync)
            .WithName("ListGenerationBatches")
            .WithSummary("The newest batches of images, up to 100.")
            .Produces<IReadOnlyList<GenerationBatch>>();
        batches
            .MapPost("/", QueueAsync)
            .WithName("QueueGenerationBatch")
            .RequireAuthorization(Policies.Generate)
            .WithMetadata(RepeatableRequest.Instance)
            .WithSummary(
                "Queues the drawing of up to 50,000 images in the background. Image i is the one that /generations draws from seed + i."
            )
            .Accepts<DrawBatchRequest>("application/json")
            .Produces<GenerationBatch>(202)
            .ProducesProblem(404)
            .ProducesProblem(429)
            .ProducesProblem(503);
        batches
            .MapGet("/{id:long}", FindAsync)
            .WithName("GetGenerationBatch")
            .WithSummary("One batch: how far it is.")
            .Produces<GenerationBatch>()
            .ProducesProblem(404);
        batches
            .MapGet("/{id:long}/images", ImagesAsync)
            .WithName("DownloadGenerationBatch")
            .WithSummary("The images of a batch that is done: a zip of PNG files and batch.json.")
            .Produces<byte[]>(200, "application/zip")
            .ProducesProblem(404)
            .ProducesProblem(409);
        batches
            .MapDelete("/{id:long}", RemoveAsync)
            .WithName("RemoveGenerationBatch")
            .RequireAuthorization(Policies.Generate)
            .WithSummary(
                "Takes a batch back and removes its images, which happens by itself after 7 days. For who made it, and administrators."
            )
            .Produces(204)
            .ProducesProblem(404);
    }

    private static async Task<IResult> ListAsync(GenerationBatches batches, CancellationToken ct) =>
        TypedResults.Ok(await batches.ListAsync(ct: ct));

    private static async Task<IResult> FindAsync(long id, GenerationBatches batches, CancellationToken ct) =>
        await batches.FindAsync(id, ct) is { } batch ? TypedResults.Ok(batch) : NoBatch(id);

    private static async Task<IResult> QueueAsync(
        HttpRequest request,
        GenerationService generation,
        GenerationBatches batches,
        ClaimsPrincipal user,
        CancellationToken ct
    )
    {
        var body = await StrictBody<DrawBatchRequest>.ReadAsync(request, ct);
        var order = body.Value is not { } asked
            ? null
            : new DrawRequest
            {
                Model = asked.Model,
                NumImages = asked.NumImages,
                Seed = asked.Seed,
                ClassLabel = asked.ClassLabel,
                NumSteps = asked.NumSteps,
            };
        var plan = order is null ? null : DrawPlan.Make(order, body.Errors);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        plan = await GenerationsApi.NumberClassesAsync(generation, plan!, order!, body.Errors, ct);
        if (!body.IsUsable(out _, out answer))
        {
            return answer;
        }

        // the first image is drawn at once: whatever is wrong with the request is said now, and which checkpoint it is
        var first = plan with
        {
            Seeds = [plan.Seeds[0]],
            Labels = plan.Labels is { } labels ? [labels[0]] : null,
        };
        var (drawn, refusal) = await GenerationsApi.TryAsync(request, generation, first, wanted.ClassLabel is not null, ct);
        if (drawn is null)
        {
            return refusal!;
        }

        var id = await batches.QueueAsync(
            new NewGenerationBatch(
                plan.RunId,
                drawn.Model.CheckpointId,
                plan.Seeds[0],
                plan.Seeds.Count,
                wanted.ClassLabel is null ? null : plan.Labels?[0],
                wanted.NumSteps,
                user.DisplayName()
            ),
            ct
        );
        return TypedResults.Accepted(
            string.Create(CultureInfo.InvariantCulture, $"/api/v1/generation-batches/{id}"),
            await batches.FindAsync(id, ct)
        );
    }

    private static async Task<IResult> ImagesAsync(long id, GenerationBatches batches, CancellationToken ct)
    {
        if (await batches.FindAsync(id, ct) is not { } batch)
        {
            return NoBatch(id);
        }

        if (batch.State != GenerationBatchState.Done)
        {
            return Problems.Conflict(
                $"Batch {id} is {batch.State.ToString().ToLowerInvariant()}: "
                    + $"{batch.Problem ?? $"{batch.Drawn} of {batch.Images} images are drawn."}"
            );
        }

        // Whole before the first byte goes out: the answer has a length, comes in ranges, and a fault is no cut file.
        var file = new FileStream(
            Path.Combine(Path.GetTempPath(), $"smtweb-batch-{Guid.NewGuid():N}.zip"),
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.None,
            1 << 16,
            FileOptions.Asynchronous | FileOptions.DeleteOnClose
        );
        try
        {
            await WriteAsync(batch, batches, file, ct);
            file.Position = 0;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }

        return TypedResults.Stream(file, "application/zip", $"run-{batch.RunId}-batch-{id}.zip", batch.Ended, enableRangeProcessing: true);
    }

    private static async Task<IResult> RemoveAsync(
        long id,
        GenerationBatches batches,
        RunOwnership ownership,
        ClaimsPrincipal user,
        CancellationToken ct
    )
    {
        if (await batches.FindAsync(id, ct) is not { } batch)
        {
            return NoBatch(id);
        }

        return ownership.Refusal($"Batch {id}", batch.By, user) is { } refusal
                ? TypedResults.Problem(refusal, statusCode: StatusCodes.Status403Forbidden)
            : await batches.RemoveAsync(id, ct) ? TypedResults.NoContent()
            : NoBatch(id);
    }

    // PNG files do not get smaller by compressing them again
    private static async Task WriteAsync(GenerationBatch batch, GenerationBatches batches, Stream stream, CancellationToken ct)
    {
        await using var zip = await ZipArchive.CreateAsync(stream, ZipArchiveMode.Create, leaveOpen: true, entryNameEncoding: null, ct);
        await AddAsync(zip, "batch.json", JsonSerializer.SerializeToUtf8Bytes(batch, InZip), ct);
        await foreach (var piece in batches.PiecesAsync(batch.Id, ct))
        {
            for (var i = 0; i < piece.Pngs.Count; i++)
            {
                var label = piece.Labels[i] < 0 ? "" : $"-class-{piece.Labels[i]}";
                await AddAsync(
                    zip,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{piece.First + i:00000}-seed-{batch.FirstSeed + (ulong)(piece.First + i)}{label}.png"
                    ),
                    piece.Pngs[i],
                    ct
                );
            }
        }
    }

    private static async Task AddAsync(ZipArchive zip, string name, byte[] bytes, CancellationToken ct)
    {
        await using var entry = await zip.CreateEntry(name, CompressionLevel.NoCompression).OpenAsync(ct);
        await entry.WriteAsync(bytes, ct);
    }

    private static IResult NoBatch(long id) =>
        Problems.NotFound($"There is no batch {id}; batches are kept for {GenerationBatch.Kept.Days} days.");
}
