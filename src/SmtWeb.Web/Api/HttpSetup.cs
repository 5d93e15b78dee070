using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>What HTTP promises besides the endpoints: HEAD where GET is, and compressed bodies.</summary>
internal static class HttpSetup
{
    private static readonly object Head = new();

    /// <summary>A HEAD finds the endpoint of GET. Routing must come after this; the server itself sends no body.</summary>
    internal static void UseHeadAsGet(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                if (HttpMethods.IsHead(http.Request.Method))
                {
                    http.Items[Head] = true;
                    http.Request.Method = HttpMethods.Get;
                }

                return next(http);
            }
        );

    /// <summary>
    /// From here on it is a HEAD again, so that nobody reads gigabytes for a body that is not sent. Routing must come before this.
    /// </summary>
    internal static void UseHeadAgain(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                if (http.Items.ContainsKey(Head))
                {
                    http.Request.Method = HttpMethods.Head;
                }

                return next(http);
            }
        );

    /// <summary>Reads a body that may be compressed.</summary>
    /// <exception cref="BadHttpRequestException">It is not what its Content-Encoding says.</exception>
    internal static async Task<T> ReadBodyAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException)
        {
            // the words of the decoders of gzip and brotli
            throw new BadHttpRequestException("The body is not what its Content-Encoding says.", StatusCodes.Status400BadRequest, e);
        }
    }

    /// <summary>Reads gzip, brotli and deflate; refuses other encodings of a body with 415 and the list of those it reads.</summary>
    internal static void UseCompressedBodies(this IApplicationBuilder app)
    {
        app.UseRequestDecompression(); // takes the header away where it could read it
        app.Use(
            (http, next) =>
            {
                if (
                    http.Request.Headers.ContentEncoding.ToString() is not { Length: > 0 } encoding
                    || encoding.Equals("identity", StringComparison.OrdinalIgnoreCase)
                    || !Refusals.IsForPrograms(http.Request)
                )
                {
                    return next(http);
                }

                http.Response.Headers.AcceptEncoding = "gzip, br, deflate";
                return TypedResults
                    .Problem(
                        "This Content-Encoding is not read here; gzip, br and deflate are.",
                        statusCode: StatusCodes.Status415UnsupportedMediaType
                    )
                    .ExecuteAsync(http);
            }
        );
    }
}
