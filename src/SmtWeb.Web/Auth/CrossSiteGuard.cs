namespace SmtWeb.Web.Auth;

/// <summary>
/// Refuses state-changing requests and WebSockets that another site's page makes with a visitor's cookie. Every browser
/// of the last years says where a request comes from (<c>Sec-Fetch-Site</c>, else <c>Origin</c>); programs send neither
/// and carry no cookie by accident. Forms have anti-forgery tokens besides.
/// </summary>
internal sealed class CrossSiteGuard(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext http)
    {
        var changes =
            !HttpMethods.IsGet(http.Request.Method)
            && !HttpMethods.IsHead(http.Request.Method)
            && !HttpMethods.IsOptions(http.Request.Method);
        if ((changes || IsWebSocket(http.Request)) && !ComesFromHere(http.Request))
        {
            return TypedResults
                .Problem(
                    "This request was made by a page of another site and is refused. Programs should use an API key and send no Origin "
                        + "header.",
                    statusCode: StatusCodes.Status403Forbidden
                )
                .ExecuteAsync(http);
        }

        return next(http);
    }

    private static bool ComesFromHere(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0 && !IsWebSocket(request))
        {
            return site is "same-origin" or "none";
        }

        // browsers send an Origin with every WebSocket; older ones have no Sec-Fetch-Site
        var origin = request.Headers.Origin.ToString();
        return origin.Length == 0
            || (
                Uri.TryCreate(origin, UriKind.Absolute, out var uri)
                && string.Equals(uri.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase)
            );
    }

    /// <summary>By its header: the server's own feature for WebSockets is not there before the endpoint is chosen.</summary>
    private static bool IsWebSocket(HttpRequest request) =>
        request.Headers.Upgrade.ToString().Contains("websocket", StringComparison.OrdinalIgnoreCase);
}
