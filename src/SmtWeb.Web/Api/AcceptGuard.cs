using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;

namespace SmtWeb.Web.Api;

/// <summary>Answers 406 before anything is done where a caller accepts none of the types that the endpoint can answer in.</summary>
internal static class AcceptGuard
{
    internal static async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext.Request;
        if (request.Headers.Accept.Count == 0)
        {
            return await next(context);
        }

        var offered = context
            .HttpContext.GetEndpoint()!
            .Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>()
            .Where(m => m.StatusCode is >= 200 and < 300)
            .SelectMany(m => m.ContentTypes)
            .Distinct()
            .ToList();
        if (offered.Count == 0 || Accepts(request, offered))
        {
            return await next(context);
        }

        return TypedResults.Problem(
            $"This can be answered as {string.Join(", ", offered)}; the header Accept allows none of them.",
            statusCode: StatusCodes.Status406NotAcceptable
        );
    }

    private static bool Accepts(HttpRequest request, List<string> offered)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
        {
            return false;
        }

        // the most specific word about a type counts: "*/*, image/png;q=0" takes everything but PNG
        return offered
            .Select(type => MediaTypeHeaderValue.Parse(type))
            .Any(type =>
                accepted.Where(a => type.IsSubsetOf(a) || Bare(type).IsSubsetOf(Bare(a))).OrderByDescending(Specificity).FirstOrDefault()
                    is { } word
                && (word.Quality ?? 1) > 0
            );
    }

    /// <summary>Without q and charset, which say nothing about whether the type will do.</summary>
    private static MediaTypeHeaderValue Bare(MediaTypeHeaderValue type) => new(type.MediaType);

    private static int Specificity(MediaTypeHeaderValue type) =>
        type.MatchesAllTypes ? 0
        : type.MatchesAllSubTypes ? 1
        : 2;
}
