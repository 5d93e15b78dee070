using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Logging.Console;
using SmtWeb.Data.Formats;
using SmtWeb.Runs.Database;
using SmtWeb.Web.Auth;
using SmtWeb.Worker;

namespace SmtWeb.Web.Hosting;

/// <summary>The life of a node: database, migrations, first account, open, wait, close.</summary>
internal static class Node
{
    /// <summary>
    /// Runs the node of <paramref name="options"/> until <paramref name="ct"/> or a signal ends it; leaves nothing behind that runs.
    /// </summary>
    internal static async Task RunAsync(ServeOptions options, TextWriter console, CancellationToken ct)
    {
        using var logging = LoggerFactory.Create(log =>
            log.AddSimpleConsole(o => (o.SingleLine, o.ColorBehavior) = (true, LoggerColorBehavior.Disabled))
                .SetMinimumLevel(LogLevel.Warning)
        );
        Directory.CreateDirectory(options.Data);
        using var folder = options.Connection.Length > 0 ? null : DataFolder.Claim(options.Data);
        EnsurePortIsFree(options);
        UseDatasets(options.Datasets);
        await using var postgres =
            options.Connection.Length > 0
                ? null
                : await EmbeddedPostgres.StartAsync(Path.Combine(options.Data, "postgres"), logging.CreateLogger<EmbeddedPostgres>(), ct);
        await using var app = SmtWebApp.Build(options, postgres?.ConnectionString ?? options.Connection);
        await app.Services.GetRequiredService<RunsDatabase>().MigrateAsync(ct);
        var link = "";
        if (options.Role != NodeRole.Worker)
        {
            link = await app.Services.GetRequiredService<FirstAccount>().EnsureAsync(ct);
        }

        if (options.Quickstart)
        {
            await app.Services.GetRequiredService<QuickstartSeeder>().SeedAsync(ct);
        }

        await StartAsync(app, options, ct);
        await AnnounceAsync(console, options, Address(app), link);
        await app.WaitForShutdownAsync(ct);
        await console.WriteLineAsync("SmtWeb is closed.");
    }

    /// <summary>Trainers and checks are processes that inherit it.</summary>
    private static void UseDatasets(string folder)
    {
        Environment.SetEnvironmentVariable(DatasetRoot.Variable, folder);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (UnauthorizedAccessException)
        {
            // a folder that the operator mounts read-only; a missing one is told when a data set is registered
        }
    }

    private static async Task StartAsync(WebApplication app, ServeOptions options, CancellationToken ct)
    {
        try
        {
            await app.StartAsync(ct);
        }
        catch (Exception e)
        {
            await app.StopAsync(CancellationToken.None); // the worker is at work already, and gives back what it has taken
            if (e is IOException { InnerException: AddressInUseException })
            {
                throw PortTaken(options.Port, e);
            }
            throw;
        }
    }

    /// <summary>
    /// Before a database is started for nothing. Whoever takes the port after this is met again in <see cref="StartAsync"/>.
    /// </summary>
    private static void EnsurePortIsFree(ServeOptions options)
    {
        var address =
            options.Host == "localhost" ? IPAddress.Loopback
            : IPAddress.TryParse(options.Host, out var given) ? given
            : IPAddress.Any;
        using var probe = new TcpListener(address, options.Port);
        try
        {
            probe.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw PortTaken(options.Port, e);
        }
        catch (SocketException)
        {
            // an address that this machine has not, a port that needs root: the server says so in its own words
        }
    }

    private static IOException PortTaken(int port, Exception e) =>
        new($"Port {port} is taken by another program. Choose another one with --port N, or 0 for any free one.", e);

    /// <summary>The first line is the sign for scripts that everything answers.</summary>
    private static async Task AnnounceAsync(TextWriter console, ServeOptions options, string address, string link)
    {
        await console.WriteLineAsync($"SmtWeb is open at {address}");
        if (link.Length > 0)
        {
            await console.WriteLineAsync($"Sign in: {address}{link}");
            await console.WriteLineAsync("         (as the administrator; the link works once and for a day)");
        }

        if (options is { Host: "localhost", Role: not NodeRole.Worker })
        {
            await console.WriteLineAsync("Only this machine reaches it; --host '*' opens it to the network.");
        }

        await console.FlushAsync();
    }

    /// <summary>Where a browser on this machine finds the node.</summary>
    private static string Address(WebApplication app)
    {
        var bound = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return bound.Replace("[::]", "localhost").Replace("0.0.0.0", "localhost").Replace("127.0.0.1", "localhost").TrimEnd('/');
    }
}
