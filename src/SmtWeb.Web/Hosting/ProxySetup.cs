using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using SmtWeb.Web.Cli;
using IPNetwork = System.Net.IPNetwork;

namespace SmtWeb.Web.Hosting;

/// <summary>
/// Proxies before the site. Who a client is and which address it used is believed of a proxy that the operator names, and of
/// nobody else: without one, <c>X-Forwarded-…</c> is what anybody may write.
/// </summary>
internal static class ProxySetup
{
    /// <summary>Reads "10.0.0.5, 10.1.0.0/16, ::1".</summary>
    /// <exception cref="CommandLineException">An entry is no address and no network.</exception>
    internal static IReadOnlyList<IPNetwork> Parse(string text, string source) =>
        [
            .. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(entry =>
                    IPNetwork.TryParse(entry, out var network) ? network
                    : IPAddress.TryParse(entry, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
                    : throw new CommandLineException($"{source}: '{entry}' is neither an IP address nor a network such as 10.1.0.0/16.")
                ),
        ];

    internal static void UseProxies(this IApplicationBuilder app, ServeOptions options)
    {
        if (options.Proxies.Count == 0)
        {
            return;
        }

        var headers = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost,
            ForwardLimit = null, // as many as there are, for each must be one of those named
        };
        headers.KnownProxies.Clear();
        headers.KnownIPNetworks.Clear();
        foreach (var network in options.Proxies)
        {
            headers.KnownIPNetworks.Add(network);
        }

        app.UseForwardedHeaders(headers);
    }
}
