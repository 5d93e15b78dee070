using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace SmtWeb.Runs.Database;

/// <summary>
/// A private PostgreSQL in the data folder, for installations without a server of their own: made at the first start,
/// joined if it survived the last process, started again if it is killed, and stopped with the host. It listens on the
/// loopback only, with a random password.
/// </summary>
public sealed partial class EmbeddedPostgres : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(10);

    private readonly string _root;
    private readonly string _data;
    private readonly string _socket;
    private readonly string _passwordFile;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private string _programs = "";
    private Process? _process;
    private int _pid;
    private int _port;
    private Task _supervision = Task.CompletedTask;

    private EmbeddedPostgres(string root, ILogger logger)
    {
        _root = Path.GetFullPath(root);
        _data = Path.Combine(_root, "data");
        _socket = Path.Combine(_root, "run");
        _passwordFile = Path.Combine(_root, "password");
        _logger = logger;
    }

    /// <summary>How to connect. It stays the same over restarts of the server.</summary>
    public string ConnectionString =>
        new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = _port,
            Username = "smtweb",
            Password = File.ReadAllText(_passwordFile).Trim(),
            Database = "postgres",
            // Seconds that a request waits for its turn in the pool: hundreds who open a run at once beside its trainer are served
            // late, not refused. A server that is gone refuses at once.
            Timeout = 20,
            MaxPoolSize = 40,
            // Idle connections die with the server; a fresh one costs a millisecond.
            KeepAlive = 10,
        }.ConnectionString;

    /// <summary>Process id of the server.</summary>
    public int ProcessId => _pid;

    /// <summary>True if the server had survived an earlier process of ours.</summary>
    public bool Attached { get; private set; }

    /// <summary>
    /// Leave a server that was joined running at the end: a short command must not stop the database of a node beside it.
    /// </summary>
    public bool LeaveJoinedServer { get; set; }

    /// <summary>What the server says.</summary>
    public string LogFile => Path.Combine(_root, "postgres.log");

    /// <summary>Starts the server of the folder (or joins the one that runs there) and returns when it answers.</summary>
    /// <exception cref="InvalidOperationException">
    /// PostgreSQL is missing, the folder is out of reach, or the server does not start.
    /// </exception>
    public static async Task<EmbeddedPostgres> StartAsync(string root, ILogger logger, CancellationToken ct = default)
    {
        var server = new EmbeddedPostgres(root, logger);
        await server.PrepareAsync(ct);
        await server.LaunchAsync(ct);
        server._supervision = Task.Run(server.SuperviseAsync, CancellationToken.None);
        return server;
    }

    /// <summary>
    /// Stops the server (but see <see cref="LeaveJoinedServer"/>): running transactions are rolled back, everything committed is kept.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _supervision;
        if (LeaveJoinedServer && Attached)
        {
            return;
        }

        PostgresProcess.Signal(_pid, PosixSignalNumber.Interrupt);
        for (int i = 0; i < 1000 && ReadPidFile() is not null; i++)
        {
            await Task.Delay(10);
        }

        _process?.WaitForExit(5000);
        _process?.Dispose();
        _stopping.Dispose();
    }

    private async Task PrepareAsync(CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                "The embedded PostgreSQL runs on Linux only; give a server of your own with --connection."
            );
        }

        string made = Path.Combine(_data, "PG_VERSION");
        _programs = PostgresBinaries.Find(File.Exists(made) ? File.ReadAllText(made).Trim() : null);
        Directory.CreateDirectory(_root);
        Directory.CreateDirectory(_socket);
        if (!File.Exists(_passwordFile))
        {
            await using var file = new FileStream(
                _passwordFile,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }
            );
            await file.WriteAsync(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexString(RandomNumberGenerator.GetBytes(24))), ct);
        }

        await PostgresProcess.GiveAsync(_root, ct);
        if (File.Exists(made))
        {
            return;
        }

        // Made beside and moved, so that an interrupted start never leaves half a cluster.
        string draft = _data + ".init";
        if (Directory.Exists(draft))
        {
            Directory.Delete(draft, recursive: true);
        }

        Making(_root);
        string[] arguments =
        [
            "-D",
            draft,
            "-U",
            "smtweb",
            "--pwfile=" + _passwordFile,
            "--auth=scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-sync",
        ];
        await PostgresProcess.RunAsync(PostgresProcess.Prepare(Path.Combine(_programs, "initdb"), arguments, _root), ct);
        Directory.Move(draft, _data);
    }

    private async Task LaunchAsync(CancellationToken ct)
    {
        if (ReadPidFile() is var (pid, port))
        {
            (_pid, Attached) = (pid, _process is null);
            RequirePort(port);
        }
        else
        {
            _port = _port == 0 ? FreePort() : _port;
            string[] arguments =
            [
                "-c",
                "exec \"$0\" \"$@\" >> \"$SMTWEB_POSTGRES_LOG\" 2>&1",
                Path.Combine(_programs, "postgres"),
                "-D",
                _data,
                "-p",
                _port.ToString(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "max_connections=200",
                "-c",
                "shared_buffers=128MB",
                "-c",
                "dynamic_shared_memory_type=posix",
                "-c",
                "max_wal_size=2GB",
                "-c",
                "log_min_messages=warning",
                "-c",
                "log_line_prefix=%m [%p] ",
            ];
            var start = PostgresProcess.Prepare("/bin/sh", arguments, _root);
            start.Environment["SMTWEB_POSTGRES_LOG"] = LogFile;
            _process?.Dispose();
            _process = Process.Start(start)!;
            _pid = _process.Id;
        }

        await AnswerAsync(ct);
        Ready(_pid, _port);
    }

    private void RequirePort(int port)
    {
        if (_port != 0 && _port != port)
        {
            throw new InvalidOperationException(
                $"Another process started the database in {_data} on port {port}; this one uses {_port}. Start only one SmtWeb on a "
                    + "data folder."
            );
        }

        _port = port;
    }

    private async Task AnswerAsync(CancellationToken ct)
    {
        // The pid file may still say "ready" of the server before: only a connection that opens counts.
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < StartLimit; )
        {
            if (_process is { HasExited: true, Id: var id } && id == _pid)
            {
                throw new InvalidOperationException(
                    $"PostgreSQL ended with code {_process.ExitCode} while starting. Its last lines ({LogFile}):\n{LastLines()}"
                );
            }

            try
            {
                await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false;Timeout=3");
                await connection.OpenAsync(ct);
                return;
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.CannotConnectNow)
            {
                // Replaying its log after a crash.
            }
            catch (NpgsqlException e) when (e is not PostgresException)
            {
                // Not listening yet.
            }

            await Task.Delay(20, ct);
        }

        throw new InvalidOperationException(
            $"PostgreSQL did not answer within {StartLimit.TotalMinutes:0} minutes. Its last lines ({LogFile}):\n{LastLines()}"
        );
    }

    private async Task SuperviseAsync()
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        while (await TickAsync(tick))
        {
            if (IsAlive(_pid))
            {
                continue;
            }

            Died(_pid);
            try
            {
                await LaunchAsync(_stopping.Token);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Tried again at the next tick: children of a killed server may hold its shared memory for a moment.
                RestartFailed(e);
            }
        }
    }

    private async Task<bool> TickAsync(PeriodicTimer tick)
    {
        try
        {
            return await tick.WaitForNextTickAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private (int Pid, int Port)? ReadPidFile()
    {
        try
        {
            string[] lines = File.ReadAllLines(Path.Combine(_data, "postmaster.pid"));
            return lines.Length >= 4 && int.TryParse(lines[0], out int pid) && int.TryParse(lines[3], out int port) && IsAlive(pid)
                ? (pid, port)
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The server itself, not another program that got its number, and not a zombie.</summary>
    private bool IsAlive(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Contains(_data, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private string LastLines() => File.Exists(LogFile) ? string.Join('\n', File.ReadLines(LogFile).TakeLast(5)) : "(none)";

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LoggerMessage(Level = Microsoft.Extensions.Logging.LogLevel.Information, Message = "Making a PostgreSQL database in {Folder}")]
    private partial void Making(string folder);

    [LoggerMessage(
        Level = Microsoft.Extensions.Logging.LogLevel.Information,
        Message = "PostgreSQL (process {Pid}) answers on port {Port}"
    )]
    private partial void Ready(int pid, int port);

    [LoggerMessage(
        Level = Microsoft.Extensions.Logging.LogLevel.Warning,
        Message = "PostgreSQL (process {Pid}) is gone; starting it again"
    )]
    private partial void Died(int pid);

    [LoggerMessage(Level = Microsoft.Extensions.Logging.LogLevel.Error, Message = "PostgreSQL could not be started again yet")]
    private partial void RestartFailed(Exception exception);
}
