#pragma warning disable RS0030 // a rank waits on a thread of its own: there is no context to block, and the tasks that are read have ended
using System.Net;
using System.Net.Sockets;

namespace SmtWeb.Torch;

/// <summary>
/// The meeting point of the ranks of a run: values under keys, served by one of them over TCP. The connection of a rank to it is also
/// its life line: <see cref="Lost"/> tells when any rank that has joined is gone.
/// </summary>
public sealed class TcpStore : IDisposable
{
    private readonly TimeSpan _timeout;
    private readonly StoreServer? _server;
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly Dictionary<string, TaskCompletionSource<byte[]>> _asked = [];
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _joined,
        _left;

    /// <summary>
    /// Serves a store on <paramref name="port"/> of this machine's address <paramref name="host"/> (0 picks a free one), or connects to
    /// the one there, for which it waits.
    /// </summary>
    /// <exception cref="TorchException">The port is taken, or no store answers within <paramref name="timeout"/>.</exception>
    public TcpStore(string host, int port, bool serve, TimeSpan timeout)
    {
        (Host, _timeout) = (host, timeout);
        try
        {
            if (serve)
            {
                _server = new StoreServer(Dns.GetHostAddresses(host)[0], port);
            }
            Port = _server?.Port ?? port;
            _socket = Connect(host, Port, timeout);
        }
        catch (SocketException e)
        {
            _server?.Dispose();
            throw new TorchException(
                serve
                    ? $"The ranks' store cannot be served at {host}:{port}: {e.Message}."
                    : $"No ranks' store answers at {host}:{port} (waited {timeout.TotalSeconds:0} s): {e.Message}. Is rank 0 running, "
                        + "and does a firewall let this port through?",
                e
            );
        }
        _stream = new NetworkStream(_socket);
        new Thread(Listen) { IsBackground = true, Name = "life line of the ranks" }.Start();
    }

    /// <summary>Where it is served.</summary>
    public string Host { get; }

    /// <summary>Its port.</summary>
    public int Port { get; }

    /// <summary>This machine's address on the way to the store: the one by which the other ranks reach it, too.</summary>
    internal IPAddress LocalAddress => ((IPEndPoint)_socket.LocalEndPoint!).Address;

    /// <summary>Completes with the words for it when a rank that has joined is gone, or the store.</summary>
    internal Task<string> Lost => _lost.Task;

    // A machine that vanished without a word (power, network) is noticed after some ten seconds, idle connection or not.
    internal static void KeepAlive(Socket socket)
    {
        const int tcp = 6,
            userTimeout = 18; // IPPROTO_TCP, TCP_USER_TIMEOUT in milliseconds
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 4);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 2);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        socket.SetRawSocketOption(tcp, userTimeout, BitConverter.GetBytes(10_000));
    }

    // Rank 0 may not serve yet, and a firewall that swallows packets answers nothing at all: both are waited for no longer than asked.
    private static Socket Connect(string host, int port, TimeSpan timeout)
    {
        using var patience = new CancellationTokenSource(timeout);
        while (true)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.ConnectAsync(host, port, patience.Token).AsTask().GetAwaiter().GetResult();
                KeepAlive(socket);
                return socket;
            }
            catch (SocketException) when (!patience.IsCancellationRequested)
            {
                socket.Dispose();
                Thread.Sleep(50);
            }
            catch (OperationCanceledException)
            {
                socket.Dispose();
                throw new SocketException((int)SocketError.TimedOut);
            }
        }
    }

    /// <summary>Keeps <paramref name="value"/> for the other ranks.</summary>
    /// <exception cref="TorchException">The store is gone.</exception>
    internal void Set(string key, byte[] value) => Send(new(StoreFrame.Of.Set, key, value));

    /// <summary>The value that a rank gives this key, once it has.</summary>
    /// <exception cref="TorchException">It did not in time, or a rank is gone.</exception>
    internal byte[] Get(string key)
    {
        TaskCompletionSource<byte[]>? answer;
        bool ask;
        lock (_asked)
        {
            ask = !_asked.TryGetValue(key, out answer);
            if (ask)
            {
                _asked[key] = answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
        if (ask)
        {
            Send(new(StoreFrame.Of.Get, key, []));
        }
        switch (Task.WaitAny([answer!.Task, _lost.Task], _timeout))
        {
            case 0:
                lock (_asked)
                {
                    _asked.Remove(key); // another may give it another value
                }
                return answer.Task.Result;
            case 1:
                throw new TorchException($"While the ranks met: {_lost.Task.Result}.");
            default:
                throw new TorchException(
                    $"A rank did not come within {_timeout.TotalSeconds:0} s (no '{key}' in the store at {Host}:{Port})."
                );
        }
    }

    /// <summary>From now on the others are told when this process is gone.</summary>
    internal void Join(int rank)
    {
        _joined = true;
        Send(new(StoreFrame.Of.Join, $"rank {rank}", []));
    }

    private void Send(StoreFrame frame)
    {
        try
        {
            lock (_stream)
            {
                frame.Write(_stream);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new TorchException($"The ranks' store at {Host}:{Port} is gone: {e.Message}", e);
        }
    }

    private void Listen()
    {
        try
        {
            while (true)
            {
                var frame = StoreFrame.Read(_stream);
                switch (frame.Kind)
                {
                    case StoreFrame.Of.Value:
                        TaskCompletionSource<byte[]>? answer;
                        lock (_asked)
                        {
                            _asked.TryGetValue(frame.Key, out answer);
                        }
                        answer?.TrySetResult(frame.Value);
                        break;
                    case StoreFrame.Of.Lost:
                        _lost.TrySetResult(frame.Key);
                        break;
                    case StoreFrame.Of.Leave:
                        _left = true; // whoever still needs another rank learns it from that rank's own connections
                        return;
                    case StoreFrame.Of.Set or StoreFrame.Of.Get or StoreFrame.Of.Join:
                    default:
                        throw new InvalidDataException("The ranks' store speaks as its users do.");
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidDataException)
        {
            if (!_left)
            {
                _lost.TrySetResult($"the process that serves the ranks' store at {Host}:{Port} is gone");
            }
        }
    }

    /// <summary>Closes the connection as the kernel does for a process that dies.</summary>
    internal void BreakOff()
    {
        _left = true;
        _socket.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_left && _joined)
        {
            try
            {
                Send(new(StoreFrame.Of.Leave, "", []));
            }
            catch (TorchException)
            {
                // it has gone before
            }
        }
        _left = true;
        _socket.Dispose();
        _server?.Dispose();
    }
}
