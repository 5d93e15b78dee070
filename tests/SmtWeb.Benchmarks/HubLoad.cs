using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace SmtWeb.Benchmarks;

/// <summary>Many hub clients in a process of their own, which gets the cores only when nobody else wants them.</summary>
internal sealed class HubLoad : IAsyncDisposable
{
    /// <summary>First argument of the process that holds the clients.</summary>
    internal const string Section = "hub-clients";

    private const byte RecordSeparator = 0x1e;

    private readonly Process _process;

    private HubLoad(Process process) => _process = process;

    internal static HubLoad Start(Uri address, string key, long run, int clients)
    {
        var start = new ProcessStartInfo(
            "/usr/bin/setsid",
            [
                // the session's own weight, where the kernel shares the cores between sessions; the rest of it inside the session
                "/bin/sh",
                "-c",
                "echo 19 > /proc/self/autogroup 2>/dev/null; exec chrt --idle 0 \"$0\" \"$@\"",
                Environment.ProcessPath!,
                Section,
                address.ToString(),
                key,
                run.ToString(CultureInfo.InvariantCulture),
                clients.ToString(CultureInfo.InvariantCulture),
            ]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        // one thread would do; the collector's helpers are as many as there are cores
        start.Environment["DOTNET_gcServer"] = "0";
        return new(Process.Start(start) ?? throw new InvalidOperationException("The clients did not start."));
    }

    internal Task JoinAsync() => AskAsync("join");

    internal Task LeaveAsync() => AskAsync("leave");

    /// <summary>Messages and bytes that arrived so far, over all clients.</summary>
    internal async Task<(long Messages, long Bytes)> HeardAsync()
    {
        var numbers = (await AskAsync("heard")).Split(' ');
        return (long.Parse(numbers[0], CultureInfo.InvariantCulture), long.Parse(numbers[1], CultureInfo.InvariantCulture));
    }

    /// <summary>Processor seconds of the clients so far.</summary>
    internal double Spent() => ProcessTimes.Tree(_process.Id).Sum(p => p.Seconds);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        _process.Dispose();
    }

    /// <summary>The process with the clients: does what its standard input says until that ends.</summary>
    internal static async Task<int> ServeAsync(string[] arguments)
    {
        var hub = new UriBuilder(new Uri(new Uri(arguments[0]), "hubs/runs")) { Scheme = "ws" }.Uri;
        var (key, run, count) = (arguments[1], arguments[2], int.Parse(arguments[3], CultureInfo.InvariantCulture));
        var (messages, bytes) = (0L, 0L);
        ClientWebSocket[] sockets = [];
        // a client that says nothing for 30 s is taken for gone
        using var pings = new Timer(
            _ =>
            {
                foreach (var socket in sockets)
                {
                    if (socket.State == WebSocketState.Open)
                    {
                        _ = SendAsync(socket, """{"type":6}""");
                    }
                }
            },
            null,
            10_000,
            10_000
        );
        while (await Console.In.ReadLineAsync() is { } order)
        {
            if (order == "join")
            {
                sockets = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => ConnectAsync(hub, key, run)));
                foreach (var socket in sockets)
                {
                    _ = ReceiveAsync(
                        socket,
                        got =>
                        {
                            Interlocked.Add(ref messages, got.Count(RecordSeparator));
                            Interlocked.Add(ref bytes, got.Length);
                        }
                    );
                }
            }
            else if (order == "leave")
            {
                foreach (var socket in sockets)
                {
                    socket.Dispose();
                }
                sockets = [];
            }
            await Console.Out.WriteLineAsync($"{Interlocked.Read(ref messages)} {Interlocked.Read(ref bytes)}");
        }
        return 0;
    }

    private async Task<string> AskAsync(string order)
    {
        await _process.StandardInput.WriteLineAsync(order);
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The clients have ended.");
    }

    private static async Task<ClientWebSocket> ConnectAsync(Uri hub, string key, string run)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + key);
        await socket.ConnectAsync(hub, default);
        await SendAsync(socket, """{"protocol":"json","version":1}""");
        await SendAsync(
            socket,
            JsonSerializer.Serialize(
                new
                {
                    type = 1,
                    invocationId = "1",
                    target = "Join",
                    arguments = new[] { long.Parse(run, CultureInfo.InvariantCulture) },
                }
            )
        );
        return socket;
    }

    private static Task SendAsync(ClientWebSocket socket, string json) =>
        socket.SendAsync((byte[])[.. Encoding.UTF8.GetBytes(json), RecordSeparator], WebSocketMessageType.Text, true, default);

    private delegate void Received(ReadOnlySpan<byte> bytes);

    private static async Task ReceiveAsync(ClientWebSocket socket, Received received)
    {
        var buffer = new byte[16384];
        try
        {
            while (socket.State == WebSocketState.Open)
            {
                var got = await socket.ReceiveAsync(buffer.AsMemory(), default);
                received(buffer.AsSpan(0, got.Count));
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // closed by the end of the window
        }
    }
}
