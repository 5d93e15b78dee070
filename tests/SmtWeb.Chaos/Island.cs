using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace SmtWeb.Chaos;

/// <summary>
/// A network namespace with a cable to this machine, in which a worker reaches the database by address and not by loopback; the cable can
/// be cut. Needs root and <c>ip</c>; there is none without.
/// </summary>
internal sealed class Island : IAsyncDisposable
{
    private readonly string _name = $"chaos-{Environment.ProcessId}",
        _cable = $"chs{Environment.ProcessId % 100_000}";
    private readonly string _net = $"10.214.{Environment.ProcessId % 250}";
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _over = new();
    private readonly int _port;
    private Task _serving = Task.CompletedTask;

    private Island(int port) => (_port, _listener) = (port, new TcpListener(IPAddress.Parse(_net + ".1"), 0));

    /// <summary>What a program in the namespace is started with.</summary>
    public IReadOnlyList<string> Enter => ["ip", "netns", "exec", _name];

    public static async Task<Island?> MakeAsync(string connection)
    {
        var island = new Island(new NpgsqlConnectionStringBuilder(connection).Port);
        if (!Environment.IsPrivilegedProcess || !await island.BuildAsync())
        {
            await island.DisposeAsync();
            return null;
        }

        island._listener.Start();
        island._serving = island.ServeAsync();
        return island;
    }

    /// <summary>The database as the namespace sees it.</summary>
    public string Connection(string connection) =>
        new NpgsqlConnectionStringBuilder(connection)
        {
            Host = _net + ".1",
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
        }.ConnectionString;

    public Task CutAsync() => Shell.RunAsync($"ip link set {_cable}a down");

    public Task MendAsync() => Shell.RunAsync($"ip link set {_cable}a up");

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Dispose();
        await _serving;
        await Shell.RunAsync($"ip link delete {_cable}a");
        await Shell.RunAsync($"ip netns delete {_name}");
        _over.Dispose();
    }

    private async Task<bool> BuildAsync() =>
        await Shell.RunAsync(
            $"ip netns add {_name} && ip link add {_cable}a type veth peer name {_cable}b netns {_name}"
                + $" && ip address add {_net}.1/24 dev {_cable}a && ip link set {_cable}a up"
                + $" && ip -n {_name} address add {_net}.2/24 dev {_cable}b && ip -n {_name} link set {_cable}b up && ip -n {_name} "
                + "link set lo up"
        ) == 0;

    // PostgreSQL listens on loopback: this end of the cable passes everything on.
    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = PassAsync(await _listener.AcceptTcpClientAsync(_over.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // over
        }
    }

    private async Task PassAsync(TcpClient from)
    {
        using var to = new TcpClient();
        using (from)
        {
            try
            {
                await to.ConnectAsync(IPAddress.Loopback, _port, _over.Token);
                await Task.WhenAny(
                    from.GetStream().CopyToAsync(to.GetStream(), _over.Token),
                    to.GetStream().CopyToAsync(from.GetStream(), _over.Token)
                );
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
            {
                // either side is gone, and the other one sees it
            }
        }
    }
}
