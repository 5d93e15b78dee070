using System.Net;
using System.Net.Sockets;

namespace SmtWeb.Torch;

/// <summary>
/// Keeps the store of a run's ranks. It is also their life line: a rank that has joined and whose connection breaks is told to all
/// others at once, which need not wait for it in an exchange.
/// </summary>
internal sealed class StoreServer : IDisposable
{
    private readonly TcpListener _listener;
    private readonly object _sync = new();
    private readonly Dictionary<string, byte[]> _values = [];
    private readonly List<(string Key, Peer Peer)> _waiting = [];
    private readonly List<Peer> _peers = [];
    private string? _lost;
    private bool _closing;

    private sealed record Peer(Socket Socket, NetworkStream Stream)
    {
        internal string? Rank { get; set; }
    }

    /// <summary>Listens on <paramref name="port"/> of <paramref name="address"/>; 0 takes a free one.</summary>
    /// <exception cref="SocketException">The port is taken, or the address is not this machine's.</exception>
    internal StoreServer(IPAddress address, int port)
    {
        _listener = new TcpListener(address, port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        Start(Accept, "ranks' store");
    }

    /// <summary>Where it listens.</summary>
    internal int Port { get; }

    private static void Start(Action body, string name) => new Thread(() => body()) { IsBackground = true, Name = name }.Start();

    private void Accept()
    {
        while (true)
        {
            Peer peer;
            try
            {
                var socket = _listener.AcceptSocket();
                TcpStore.KeepAlive(socket);
                peer = new(socket, new NetworkStream(socket));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
            lock (_sync)
            {
                _peers.Add(peer);
            }
            Start(() => Serve(peer), "ranks' store, one of them");
        }
    }

    private void Serve(Peer peer)
    {
        var orderly = false;
        var how = "its connection was closed";
        try
        {
            while (!orderly)
            {
                var frame = StoreFrame.Read(peer.Stream);
                lock (_sync)
                {
                    orderly = Answer(peer, frame);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidDataException)
        {
            if (
                e.InnerException is SocketException
                {
                    SocketErrorCode: SocketError.TimedOut
                        or SocketError.HostUnreachable
                        or SocketError.HostDown
                        or SocketError.NetworkUnreachable
                        or SocketError.NetworkDown
                }
            )
            {
                how = "its machine does not answer any more";
            }
        }
        lock (_sync)
        {
            _peers.Remove(peer);
            _waiting.RemoveAll(w => w.Peer == peer);
            if (!orderly && !_closing && peer.Rank is not null)
            {
                _lost ??= $"{peer.Rank} is gone: {how}";
                foreach (var other in _peers.Where(p => p.Rank is not null).ToList())
                {
                    Send(other, new(StoreFrame.Of.Lost, _lost, []));
                }
            }
        }
        peer.Socket.Dispose();
    }

    // whether it says goodbye
    private bool Answer(Peer peer, StoreFrame frame)
    {
        switch (frame.Kind)
        {
            case StoreFrame.Of.Set:
                _values[frame.Key] = frame.Value;
                foreach (var (key, other) in _waiting.Where(w => w.Key == frame.Key).ToList())
                {
                    Send(other, new(StoreFrame.Of.Value, key, frame.Value));
                }
                _waiting.RemoveAll(w => w.Key == frame.Key);
                return false;
            case StoreFrame.Of.Get when _values.TryGetValue(frame.Key, out var value):
                Send(peer, new(StoreFrame.Of.Value, frame.Key, value));
                return false;
            case StoreFrame.Of.Get:
                _waiting.Add((frame.Key, peer));
                return false;
            case StoreFrame.Of.Join:
                peer.Rank = frame.Key;
                if (_lost is not null)
                {
                    Send(peer, new(StoreFrame.Of.Lost, _lost, []));
                }
                return false;
            case StoreFrame.Of.Leave:
                return true;
            case StoreFrame.Of.Value or StoreFrame.Of.Lost:
            default:
                throw new InvalidDataException("A user of the ranks' store speaks as the store does.");
        }
    }

    private static void Send(Peer peer, StoreFrame frame)
    {
        try
        {
            frame.Write(peer.Stream);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // the thread that reads from it notices and tells the others
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _listener.Stop();
        lock (_sync)
        {
            _closing = true;
            foreach (var peer in _peers)
            {
                Send(peer, new(StoreFrame.Of.Leave, "", []));
                peer.Socket.Dispose();
            }
        }
    }
}
