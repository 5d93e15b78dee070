using System.Globalization;
using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Web.Auth;
using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Api;

/// <summary>A sample's nearest training images, by which network's features and out of how many images. PNGs are base64.</summary>
internal sealed record NeighboursResponse(
    long CheckpointId,
    long Iteration,
    ulong Seed,
    string ClassName,
    string Png,
    IReadOnlyList<NeighbourResponse> Neighbours,
    RealDistances RealNearest,
    string Dataset,
    int Images,
    string Network
);

/// <summary>One training image.</summary>
internal sealed record NeighbourResponse(int Index, string ClassName, double Distance, string Png);

/// <summary>Distances from real images to their nearest other real image: 5 %, 50 % and 95 % points.</summary>
internal sealed record RealDistances(double Low, double Median, double High);

/// <summary>The training images nearest to a sample.</summary>
internal static class NeighboursApi
{
    private static readonly TimeSpan MeasuringRetry = TimeSpan.FromSeconds(10);

    internal static void MapNeighbours(this RouteGroupBuilder runs) =>
        runs.MapGet("/{id:long}/neighbours", FindAsync)
            .RequireAuthorization(Policies.Generate)
            .WithName("GetNeighbours")
            .WithSummary(
                "The training images nearest (in feature space) to the sample of a seed and class (label: its number, or its name), "
                    + "beside the distances between real images. The first request has the training images measured: 503 with Retry-After "
                    + "and the progress until then; 409 where this node lacks the feature network or the data."
            )
            .Produces<NeighboursResponse>()
            .ProducesProblem(404)
            .ProducesProblem(409)
            .ProducesProblem(429)
            .ProducesProblem(503);

    private static async Task<IResult> FindAsync(
        long id,
        NeighbourService service,
        IRunStore runs,
        HttpResponse response,
        CancellationToken ct,
        ulong seed = 0,
        string? label = null,
        int count = 6,
        long? checkpoint = null
    )
    {
        int? number = null;
        if (label is { Length: > 0 } && await runs.FindAsync(id, ct) is { } run && DataShape.Of(run.Spec.Data) is { Classes: > 0 } shape)
        {
            (number, var problem, _) = ClassNaming.Find(label, shape.Classes, shape.ClassNames);
            if (problem is not null)
            {
                return Problems.Invalid("label", problem);
            }
        }
        else if (label is { Length: > 0 })
        {
            number = int.TryParse(label, CultureInfo.InvariantCulture, out var given) ? given : 0; // a model without classes says so
        }

        try
        {
            return await service.FindAsync(id, checkpoint, seed, number, count, ct) switch
            {
                NeighbourAnswer.Found found => TypedResults.Ok(Show(found.Result)),
                NeighbourAnswer.NotDrawn { Reason: GenerationResult.UnknownModel unknown } => Problems.NotFound(unknown.Problem),
                NeighbourAnswer.NotDrawn { Reason: GenerationResult.Invalid invalid } => Problems.Invalid(
                    invalid.Field == "labels" ? "label" : invalid.Field,
                    invalid.Problem
                ),
                NeighbourAnswer.NotDrawn { Reason: GenerationResult.Busy busy } => Later(
                    response,
                    StatusCodes.Status429TooManyRequests,
                    busy.Problem,
                    busy.RetryAfter
                ),
                NeighbourAnswer.NotDrawn { Reason: GenerationResult.Unavailable away } => Later(
                    response,
                    StatusCodes.Status503ServiceUnavailable,
                    away.Problem,
                    away.RetryAfter
                ),
                NeighbourAnswer.Measuring { Progress: var p } => Later(
                    response,
                    StatusCodes.Status503ServiceUnavailable,
                    $"The training images are measured, once: {p.What}, {p.Done:N0} of {p.Total:N0}. Ask again later.",
                    MeasuringRetry
                ),
                NeighbourAnswer.Unavailable missing => TypedResults.Problem(missing.Problem, statusCode: StatusCodes.Status409Conflict),
                var other => throw new NotSupportedException($"{other.GetType().Name} has no answer."),
            };
        }
        catch (ArgumentException e)
        {
            return Problems.Invalid(e.ParamName ?? "model", e.Message);
        }
    }

    private static IResult Later(HttpResponse response, int status, string problem, TimeSpan after)
    {
        response.Headers.RetryAfter = $"{Math.Max(1, (int)after.TotalSeconds)}";
        return TypedResults.Problem(problem, statusCode: status);
    }

    private static NeighboursResponse Show(NeighbourResult found) =>
        new(
            found.CheckpointId,
            found.Iteration,
            found.Seed,
            found.ClassName,
            Convert.ToBase64String(found.Png),
            [.. found.Neighbours.Select(n => new NeighbourResponse(n.Index, n.ClassName, n.Distance, Convert.ToBase64String(n.Png)))],
            new(found.RealLow, found.RealMedian, found.RealHigh),
            found.Dataset,
            found.Images,
            found.Network
        );
}
