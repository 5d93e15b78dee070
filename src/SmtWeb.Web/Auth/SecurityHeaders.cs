namespace SmtWeb.Web.Auth;

/// <summary>Metadata of an endpoint whose pages are not ours and need a policy of their own, so that neither loosens the other.</summary>
internal sealed record OwnContentSecurityPolicy(string Policy);

/// <summary>Headers of every answer that tell browsers what the site never does.</summary>
internal static class SecurityHeaders
{
    /// <summary>
    /// Scripts and style sheets come from files of this site only: no inline script, no eval, no style element. Style attributes
    /// are allowed, for MudBlazor and uPlot place things by them. Pictures may be data: and blob: (canvas, object URLs of grids).
    /// </summary>
    internal const string ContentSecurityPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src "
        + "'self'; "
        + "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    internal static IApplicationBuilder UseSecurityHeaders(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                // When the answer begins: whoever answers a fault clears what was set before.
                http.Response.OnStarting(
                    static state =>
                    {
                        var context = (HttpContext)state;
                        Set(
                            context.Response.Headers,
                            context.GetEndpoint()?.Metadata.GetMetadata<OwnContentSecurityPolicy>()?.Policy ?? ContentSecurityPolicy
                        );
                        return Task.CompletedTask;
                    },
                    http
                );
                return next(http);
            }
        );

    private static void Set(IHeaderDictionary headers, string policy)
    {
        headers.ContentSecurityPolicy = policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()";
    }
}
