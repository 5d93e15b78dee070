using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>Marks an endpoint whose answer holds a secret: it is kept by nobody, so that a repeated request is told so.</summary>
internal sealed class SecretAnswer
{
    internal static SecretAnswer Instance { get; } = new();
}

/// <summary>Marks a POST that changes nothing: to repeat it is harmless anyway, and its answer may be long.</summary>
internal sealed class RepeatableRequest
{
    internal static RepeatableRequest Instance { get; } = new();
}

/// <summary>
/// A POST with an <c>Idempotency-Key</c> is done once. Who sends it again within a day, with the same body, gets the first
/// answer (and the header <c>Idempotency-Replayed</c>); the same key for another request is refused. What failed is not
/// kept: it may be put right and sent again.
/// </summary>
internal static class IdempotencyFilter
{
    internal const string HeaderName = "Idempotency-Key";
    internal const string ReplayedHeader = "Idempotency-Replayed";
    private const int LongestKey = 200;

    internal static async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var (http, request) = (context.HttpContext, context.HttpContext.Request);
        var metadata = http.GetEndpoint()!.Metadata;
        if (
            !HttpMethods.IsPost(request.Method)
            || !request.Headers.TryGetValue(HeaderName, out var given)
            || metadata.GetMetadata<RepeatableRequest>() is not null
        )
        {
            return await next(context);
        }

        var key = given.ToString();
        if (given.Count != 1 || key.Length is 0 or > LongestKey || key.Any(c => c is < '!' or > '~'))
        {
            return Problems.Invalid(HeaderName, $"An Idempotency-Key is one word of 1 to {LongestKey} visible ASCII characters.");
        }

        var (store, owner, ct) = (http.RequestServices.GetRequiredService<AnswerStore>(), http.User.UserId(), http.RequestAborted);
        switch (await store.BeginAsync(owner, key, await HashAsync(request, ct), ct))
        {
            case RequestState.Answered { Answer: var answer }:
                return metadata.GetMetadata<SecretAnswer>() is null
                    ? new Replay(answer)
                    : Problems.Conflict("This request was done; its answer held a secret, which was in the first answer only.");
            case RequestState.Another:
                return TypedResults.Problem(
                    "This Idempotency-Key belongs to another request (another path or body).",
                    statusCode: StatusCodes.Status422UnprocessableEntity
                );
            case RequestState.AtWork:
                http.Response.Headers.RetryAfter = "1";
                return Problems.Conflict("The first request with this Idempotency-Key is still at work.");
        }

        return await DoAsync(context, next, store, owner, key);
    }

    private static async Task<object?> DoAsync(
        EndpointFilterInvocationContext context,
        EndpointFilterDelegate next,
        AnswerStore store,
        string owner,
        string key
    )
    {
        var response = context.HttpContext.Response;
        var (body, kept) = (response.Body, false);
        using var written = new MemoryStream();
        try
        {
            var result = await next(context);
            response.Body = written;
            await ((IResult)result!).ExecuteAsync(context.HttpContext);
            response.Body = body;
            if (response.StatusCode is >= 200 and < 300)
            {
                var secret = context.HttpContext.GetEndpoint()!.Metadata.GetMetadata<SecretAnswer>() is not null;
                var answer = new StoredAnswer(
                    response.StatusCode,
                    response.Headers.Location.ToString() is { Length: > 0 } location ? location : null,
                    response.ContentType,
                    secret ? [] : written.ToArray()
                );
                await store.EndAsync(owner, key, answer, CancellationToken.None);
                kept = true;
            }
        }
        finally
        {
            response.Body = body;
            if (!kept)
            {
                await store.ForgetAsync(owner, key, CancellationToken.None);
            }
        }

        return new Written(written.ToArray());
    }

    private static async Task<string> HashAsync(HttpRequest request, CancellationToken ct)
    {
        // the handler has not read the body yet; it reads it again
        request.EnableBuffering(bufferThreshold: 64 << 10, bufferLimit: ApiSetup.MaxBodyBytes + 1);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.Path}{request.QueryString}\n"));
        var buffer = new byte[16 << 10];
        int read;
        while ((read = await HttpSetup.ReadBodyAsync(() => request.Body.ReadAsync(buffer, ct).AsTask())) > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        request.Body.Position = 0;
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Status and headers are set already; this is the body.</summary>
    private sealed class Written(byte[] body) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            if (body.Length > 0)
            {
                httpContext.Response.ContentLength = body.Length;
                await httpContext.Response.Body.WriteAsync(body, httpContext.RequestAborted);
            }
        }
    }

    private sealed class Replay(StoredAnswer answer) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = answer.Status;
            response.Headers[ReplayedHeader] = bool.TrueString.ToLower(CultureInfo.InvariantCulture);
            if (answer.Location is { } location)
            {
                response.Headers.Location = location;
            }

            response.ContentType = answer.ContentType;
            await new Written(answer.Body).ExecuteAsync(httpContext);
        }
    }
}
