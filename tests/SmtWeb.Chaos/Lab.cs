using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Worker.Tests;

namespace SmtWeb.Chaos;

/// <summary>A lab of real processes: PostgreSQL on a small disk, a worker beside it and one behind a cable, and a site.</summary>
internal sealed class Lab : IAsyncDisposable
{
    /// <summary>Silence of a trainer after which its run is taken over, in seconds.</summary>
    public const int Lease = 6;

    private const int Megabytes = 600;

    private readonly ServiceProvider _services;

    private Lab(OutagePostgres postgres, Disk? disk, Island? island, ServiceProvider services)
    {
        (Postgres, Disk, Island, _services) = (postgres, disk, island, services);
        Database = services.GetRequiredService<RunsDatabase>();
        Store = services.GetRequiredService<IRunStore>();
    }

    public OutagePostgres Postgres { get; }

    public Disk? Disk { get; }

    public Island? Island { get; }

    public RunsDatabase Database { get; }

    public IRunStore Store { get; }

    public List<Node> Workers { get; } = [];

    public Node? Site { get; private set; }

    public Uri? Health { get; private set; }

    public static async Task<Lab> StartAsync(bool web)
    {
        var disk = await Disk.MountAsync(Megabytes);
        var postgres = await OutagePostgres.StartAsync(disk is null ? null : Path.Combine(disk.Folder, "pg"));
        var services = new ServiceCollection().AddLogging().AddSmtWebRuns(postgres.ConnectionString).BuildServiceProvider();
        var database = services.GetRequiredService<RunsDatabase>();
        await database.MigrateAsync();
        foreach (
            var sql in new[]
            {
                "ALTER SYSTEM SET max_wal_size = '64MB'",
                "ALTER SYSTEM SET min_wal_size = '32MB'",
                "SELECT pg_reload_conf()",
            }
        )
        {
            await using var command = database.Source.CreateCommand(sql); // else the log alone fills the disk
            await command.ExecuteNonQueryAsync();
        }

        var island = await Island.MakeAsync(postgres.ConnectionString);
        var lab = new Lab(postgres, disk, island, services);
        lab.Workers.Add(new Node("worker", () => Worker([]), postgres.ConnectionString));
        if (island is not null)
        {
            lab.Workers.Add(new Node("worker behind the cable", () => Worker(island.Enter), island.Connection(postgres.ConnectionString)));
        }

        if (web)
        {
            lab.Health = new($"http://127.0.0.1:{FreePort()}/health");
            lab.Site = new Node("site", () => Program(postgres.ConnectionString, lab.Health.Port), null);
        }

        return lab;
    }

    /// <summary>Whatever is gone is started again.</summary>
    public void Keep()
    {
        Workers.ForEach(w => w.Keep());
        Site?.Keep();
    }

    public async ValueTask DisposeAsync()
    {
        Workers.ForEach(w => w.Dispose());
        Site?.Dispose();
        await _services.DisposeAsync();
        if (Island is not null)
        {
            await Island.DisposeAsync();
        }

        await Postgres.DisposeAsync();
        Disk?.Dispose();
    }

    private static ProcessStartInfo Worker(IReadOnlyList<string> enter)
    {
        string[] command = [.. enter, Path.Combine(AppContext.BaseDirectory, "SmtWeb.TestTrainer"), "work", $"{Lease}", "1"];
        return new(command[0], command[1..]);
    }

    private static ProcessStartInfo Program(string connection, int port)
    {
        var start = new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "smtweb"),
            [
                "serve",
                "--role",
                "web",
                "--port",
                $"{port}",
                "--no-quickstart",
                "--data",
                Path.Combine(Path.GetTempPath(), $"smtweb-chaos-site-{Environment.ProcessId}"),
            ]
        );
        start.Environment["SmtWeb__Connection"] = connection; // a command line is readable by everybody
        return start;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
