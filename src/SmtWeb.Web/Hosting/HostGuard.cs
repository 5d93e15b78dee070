using System.Collections.Frozen;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Hosting;

/// <summary>
/// Refuses requests for another host than this one. The name that a request is for gets into links (a sign-in link!) and
/// into the check of where a form comes from, so it must not be what anybody writes. Known are the names that the operator
/// lists (<c>SmtWeb:Hosts</c>), else the names and addresses that this node listens on.
/// </summary>
internal sealed class HostGuard
{
    private readonly RequestDelegate _next;
    private readonly FrozenSet<string> _known;

    public HostGuard(RequestDelegate next, ServeOptions options) =>
        (_next, _known) = (
            next,
            (options.Hosts.Count > 0 ? options.Hosts : Listening(options.Host)).Select(Bare).ToFrozenSet(StringComparer.OrdinalIgnoreCase)
        );

    public Task InvokeAsync(HttpContext http)
    {
        // a watch that asks by whatever address it has gets no link from this
        if (_known.Contains(http.Request.Host.Host.Trim('[', ']')) || http.Request.Path.StartsWithSegments("/health"))
        {
            return _next(http);
        }

        const string Detail =
            "This server does not know the name that this request is for. Its operator adds the names and addresses by which it is "
            + "reached with --hosts, or as SmtWeb:Hosts in appsettings.json.";
        return Refusals.IsForPrograms(http.Request)
            ? TypedResults.Problem(Detail, statusCode: StatusCodes.Status400BadRequest).ExecuteAsync(http)
            : TypedResults.Text(Detail, "text/plain; charset=utf-8", statusCode: StatusCodes.Status400BadRequest).ExecuteAsync(http);
    }

    /// <summary>Without port and brackets.</summary>
    private static string Bare(string host) => new HostString(host).Host.Trim('[', ']');

    private static IEnumerable<string> Listening(string host)
    {
        yield return "localhost";
        yield return "127.0.0.1";
        yield return "::1";
        if (host is not ("*" or "+" or "0.0.0.0" or "::" or "[::]"))
        {
            yield return host;
            yield break;
        }

        yield return Environment.MachineName;
        yield return Dns.GetHostName();
        foreach (
            var address in NetworkInterface
                .GetAllNetworkInterfaces()
                .SelectMany(i => i.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address)
        )
        {
            yield return address.AddressFamily == AddressFamily.InterNetworkV6
                ? new IPAddress(address.GetAddressBytes()).ToString()
                : address.ToString();
        }
    }
}
