using System.Runtime.InteropServices;
using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

/// <summary>The meeting point of the ranks of a run: c10d's key-value store, served by one of them over TCP.</summary>
public sealed class TcpStore : SafeHandle
{
    /// <summary>
    /// Serves a store on <paramref name="port"/> of this machine (0 picks a free one), or connects to the one at
    /// <paramref name="host"/>:<paramref name="port"/>.
    /// </summary>
    /// <exception cref="TorchException">The port is taken, or no store answers within <paramref name="timeout"/>.</exception>
    public TcpStore(string host, int port, bool serve, TimeSpan timeout) : base(0, ownsHandle: true)
    {
        SetHandle(Native.Check(Native.smt_store_new(host, port, serve ? 1 : 0, (long)timeout.TotalMilliseconds), $"{(serve ? "serving" : "reaching")} the ranks' store at {host}:{port}"));
        Host = host;
    }

    /// <summary>Where it is served.</summary>
    public string Host { get; }

    /// <summary>Its port.</summary>
    public int Port => Native.smt_store_port(Raw);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    internal nint Raw => IsClosed ? throw new ObjectDisposedException(nameof(TcpStore)) : handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Native.smt_store_free(handle);
        return true;
    }
}
