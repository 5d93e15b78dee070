using System.Globalization;
using Microsoft.Net.Http.Headers;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Sampling;
using SmtWeb.Web.Auth;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Api;

/// <summary>One-step generation.</summary>
internal static class GenerationsApi
{
    internal static void MapGenerations(this RouteGroupBuilder api) =>
        api.MapPost("/generations", DrawAsync)
            .WithTags("Generations")
            .WithName("Generate")
            .WithSummary("Draws images by class and seed with the model of a run.")
            .RequireAuthorization(Policies.Generate)
            .WithMetadata(RepeatableRequest.Instance)
            .Accepts<DrawRequest>("application/json")
            .Produces<DrawResponse>(200, "application/json", "image/png")
            .ProducesProblem(404)
            .ProducesProblem(429)
            .ProducesProblem(503);

    private static async Task<IResult> DrawAsync(HttpRequest request, GenerationService generation, CancellationToken ct)
    {
        var body = await StrictBody<DrawRequest>.ReadAsync(request, ct);
        var plan = body.Value is null ? null : DrawPlan.Make(body.Value, body.Errors);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        plan = await NumberClassesAsync(generation, plan!, wanted, body.Errors, ct);
        if (!body.IsUsable(out _, out answer))
        {
            return answer;
        }

        var (done, refusal) = await TryAsync(request, generation, plan, wanted.ClassLabel is not null, ct);
        return done is null ? refusal! : Answer(request, wanted, done.Model, done.Images!);
    }

    /// <summary>The order with the numbers of the classes that it names; what is wrong joins <paramref name="errors"/>.</summary>
    internal static async Task<GenerationRequest> NumberClassesAsync(
        GenerationService generation,
        GenerationRequest plan,
        DrawRequest wanted,
        List<SpecError> errors,
        CancellationToken ct
    ) =>
        DrawPlan.NamesClasses(wanted) && await generation.DescribeAsync(plan.RunId, plan.CheckpointId, ct) is GenerationResult.Done known
            ? DrawPlan.WithClasses(plan, wanted, known.Model, errors)
            : plan;

    /// <summary>Draws, or answers why not; <paramref name="oneLabel"/>: a single label stands for all images.</summary>
    internal static async Task<(GenerationResult.Done? Done, IResult? Refusal)> TryAsync(
        HttpRequest request,
        GenerationService generation,
        GenerationRequest plan,
        bool oneLabel,
        CancellationToken ct
    )
    {
        GenerationResult result;
        try
        {
            result = await generation.GenerateAsync(plan, ct);
        }
        catch (NotSupportedException e)
        {
            return (null, Problems.Invalid("$.model", e.Message)); // a model of points in the plane draws no images
        }

        return result switch
        {
            GenerationResult.Done { Images: not null } done => (done, null),
            GenerationResult.UnknownModel unknown => (null, Problems.NotFound(unknown.Problem)),
            GenerationResult.Invalid invalid => (null, Problems.Invalid(Blame(invalid.Field, oneLabel), invalid.Problem)),
            GenerationResult.Busy busy => (null, Later(request, StatusCodes.Status429TooManyRequests, busy.Problem, busy.RetryAfter)),
            GenerationResult.Unavailable away => (
                null,
                Later(request, StatusCodes.Status503ServiceUnavailable, away.Problem, away.RetryAfter)
            ),
            var other => throw new NotSupportedException($"{other.GetType().Name} has no answer."),
        };
    }

    private static IResult Answer(HttpRequest request, DrawRequest wanted, GenerationModel model, GeneratedImages images)
    {
        var labels = model.ClassCount == 0 ? null : images.Labels;
        if (PrefersPng(request))
        {
            var origin = new PngOrigin(
                model.RunId,
                model.CheckpointId,
                model.Iteration,
                images.Seeds,
                labels,
                labels?.Select(label => model.ClassNames[label]).ToList()
            );
            origin.Tell(request.HttpContext.Response);
            return TypedResults.Bytes(PngText.Add(images.ToGridPng(), origin.Texts()), "image/png");
        }

        var grid = wanted.OutputFormat == OutputFormat.Grid;
        return TypedResults.Ok(
            new DrawResponse(
                new DrawnBy(model.RunId, model.CheckpointId, model.Iteration),
                images.Width,
                images.Height,
                images.Seeds,
                labels,
                labels?.Select(label => model.ClassNames[label]).ToList(),
                grid ? null : [.. Enumerable.Range(0, images.Count).Select(i => Convert.ToBase64String(images.ToPng(i)))],
                grid ? Convert.ToBase64String(images.ToGridPng()) : null
            )
        );
    }

    private static bool PrefersPng(HttpRequest request) =>
        MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var types)
        && types.OrderByDescending(t => t.Quality ?? 1).FirstOrDefault() is { } first
        && first.MediaType.Equals("image/png", StringComparison.OrdinalIgnoreCase);

    /// <summary>A single label stands for all images, so it is the member to blame where the service names one of many.</summary>
    private static string Blame(string field, bool oneLabel) =>
        oneLabel && field.StartsWith("class_labels", StringComparison.Ordinal) ? "$.class_label" : "$." + field;

    private static IResult Later(HttpRequest request, int status, string problem, TimeSpan wait)
    {
        request.HttpContext.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds))
            .ToString(CultureInfo.InvariantCulture);
        return TypedResults.Problem(problem, statusCode: status);
    }
}
