using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Worker.Tests;

/// <summary>A PostgreSQL that goes away when the test says so and comes back on the same port when it says so.</summary>
internal sealed class OutagePostgres : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly string _folder;
    private Process? _server;

    private OutagePostgres(string folder, string connection) => (_folder, ConnectionString) = (folder, connection);

    public string ConnectionString { get; }

    /// <summary>A server of its own; its folder, which goes with it, may be given.</summary>
    public static async Task<OutagePostgres> StartAsync(string? folder = null)
    {
        folder ??= Path.Combine(Path.GetTempPath(), "smtweb-outage-" + Guid.NewGuid().ToString("N")[..8]);
        string connection;
        await using (var made = await EmbeddedPostgres.StartAsync(folder, NullLogger.Instance))
        {
            connection = made.ConnectionString;
        }

        var postgres = new OutagePostgres(folder, new NpgsqlConnectionStringBuilder(connection) { MaxPoolSize = 20 }.ConnectionString);
        await postgres.ReturnAsync();
        return postgres;
    }

    /// <summary>It goes away, as after a power cut.</summary>
    public async Task LeaveAsync()
    {
        _server!.Kill(entireProcessTree: true);
        await _server.WaitForExitAsync();
        _server.Dispose();
        _server = null;
    }

    /// <summary>It comes back.</summary>
    public async Task ReturnAsync()
    {
        string[] program =
        [
            Path.Combine(PostgresBinaries.Find(null), "postgres"),
            "-D",
            Path.Combine(_folder, "data"),
            "-p",
            $"{new NpgsqlConnectionStringBuilder(ConnectionString).Port}",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "dynamic_shared_memory_type=posix",
            "-c",
            "fsync=off",
            "-c",
            "log_min_messages=fatal",
        ];
        // PostgreSQL refuses to run as root
        string[] command =
            Environment.UserName == "root"
                ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", .. program]
                : program;
        for (long begin = Stopwatch.GetTimestamp(); ; await Task.Delay(100))
        {
            // children of a killed server may hold its shared memory for a moment
            if (_server is null or { HasExited: true })
            {
                _server = Process.Start(
                    new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = _folder, RedirectStandardError = true }
                )!;
            }
            try
            {
                await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false;Timeout=3");
                await connection.OpenAsync();
                return;
            }
            catch (NpgsqlException) when (Stopwatch.GetElapsedTime(begin) < Patience)
            {
                // not yet
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await LeaveAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }
}
