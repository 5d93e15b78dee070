using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Api;

/// <summary>A sample's nearest training images. PNGs are base64.</summary>
internal sealed record NeighboursResponse(long CheckpointId, long Iteration, ulong Seed, string ClassName, string Png, IReadOnlyList<NeighbourResponse> Neighbours, RealDistances RealNearest);

/// <summary>One training image.</summary>
internal sealed record NeighbourResponse(int Index, string ClassName, double Distance, string Png);

/// <summary>Distances from real images to their nearest other real image: 5 %, 50 % and 95 % points.</summary>
internal sealed record RealDistances(double Low, double Median, double High);

/// <summary>The training images nearest to a sample.</summary>
internal static class NeighboursApi
{
    internal static void MapNeighbours(this RouteGroupBuilder runs) =>
        runs.MapGet("/{id:long}/neighbours", FindAsync).WithName("GetNeighbours")
            .WithSummary("The training images nearest (in feature space) to the sample of a seed and class, beside the distances between real images. Fashion-MNIST only.")
            .Produces<NeighboursResponse>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(429).ProducesProblem(503);

    private static async Task<IResult> FindAsync(long id, NeighbourService service, HttpResponse response, CancellationToken ct, ulong seed = 0, int? label = null, int count = 6, long? checkpoint = null)
    {
        try
        {
            var (found, failure) = await service.FindAsync(id, checkpoint, seed, label, count, ct);
            return failure switch
            {
                null => TypedResults.Ok(Show(found!)),
                GenerationResult.UnknownModel unknown => Problems.NotFound(unknown.Problem),
                GenerationResult.Invalid invalid => Problems.Invalid(invalid.Field == "labels" ? "label" : invalid.Field, invalid.Problem),
                GenerationResult.Busy busy => Later(response, StatusCodes.Status429TooManyRequests, busy.Problem, busy.RetryAfter),
                GenerationResult.Unavailable away => Later(response, StatusCodes.Status503ServiceUnavailable, away.Problem, away.RetryAfter),
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

    private static NeighboursResponse Show(NeighbourResult found) => new(
        found.CheckpointId, found.Iteration, found.Seed, found.ClassName, Convert.ToBase64String(found.Png),
        [.. found.Neighbours.Select(n => new NeighbourResponse(n.Index, n.ClassName, n.Distance, Convert.ToBase64String(n.Png)))],
        new(found.RealLow, found.RealMedian, found.RealHigh));
}
