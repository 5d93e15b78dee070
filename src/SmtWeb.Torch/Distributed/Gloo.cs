using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Gloo on CPU tensors, through libsmtgloo.so (src/native/gloo). Its calls block until the exchange is done, on a thread of their own,
/// so that the caller can leave when it hears from the life line that a rank is gone.
/// </summary>
internal sealed unsafe class Gloo : ICollectives
{
    private const int ErrorBytes = 1024;

    private static readonly Lazy<(Functions? Functions, string? Missing)> Library = new(Load);

    private readonly Worker _worker = new("Gloo");
    private readonly Functions _functions;
    private readonly nint _group;
    private int _users = 1; // whoever owns it, and the worker while it is abandoned in a call

    private sealed record Functions(
        nint New, // void* (int rank, int size, const char* address, int64 timeout, void* store, get, set, char* error, int64 capacity)
        nint Reduce, // int (void* group, void* data, int64 count, int type, char* error, int64 capacity)
        nint Cast, // int (void* group, void* data, int64 bytes, int root, char* error, int64 capacity)
        nint Free
    ); // void (void* group)

    /// <summary>Connects to the others; each binds to the address by which it reaches the store.</summary>
    /// <exception cref="TorchException">The library is missing, or the others did not come.</exception>
    internal Gloo(TcpStore store, int rank, int size, TimeSpan timeout)
    {
        _functions = Library.Value.Functions ?? throw new TorchException(Library.Value.Missing!);
        var address = Encoding.UTF8.GetBytes(Text(store.LocalAddress) + "\0");
        var handle = GCHandle.Alloc(store);
        try
        {
            var error = stackalloc byte[ErrorBytes];
            fixed (byte* local = address)
            {
                _group = ((delegate* unmanaged<int, int, byte*, long, nint, nint, nint, byte*, long, nint>)_functions.New)(
                    rank,
                    size,
                    local,
                    (long)timeout.TotalMilliseconds,
                    GCHandle.ToIntPtr(handle),
                    (nint)(delegate* unmanaged<nint, byte*, byte*, long, long>)&Get,
                    (nint)(delegate* unmanaged<nint, byte*, byte*, long, int>)&Set,
                    error,
                    ErrorBytes
                );
            }
            if (_group == 0)
            {
                throw new TorchException(
                    $"Gloo, rank {rank} of {size} at {Text(store.LocalAddress)}: {Marshal.PtrToStringUTF8((nint)error)}"
                );
            }
        }
        catch
        {
            _worker.Dispose();
            throw;
        }
        finally
        {
            handle.Free();
        }
    }

    /// <summary>Why there is no Gloo, or null.</summary>
    internal static string? Missing => Library.Value.Missing;

    // sockets for both families show IPv4 addresses as IPv6 ones, which Gloo's lookup would take for another interface
    private static string Text(IPAddress address) => (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
        var type = tensor.dtype switch
        {
            ScalarType.Float32 => 0,
            ScalarType.Float64 => 1,
            ScalarType.Int32 => 2,
            ScalarType.Int64 => 3,
            _ => throw new TorchException($"Gloo sums float32, float64, int32 and int64, not {tensor.dtype}."),
        };
        var (data, count) = ((nint)LibTorch.Data(tensor.Handle), tensor.NumberOfElements);
        Run(
            tensor,
            error =>
                ((delegate* unmanaged<nint, nint, long, int, byte*, long, int>)_functions.Reduce)(
                    _group,
                    data,
                    count,
                    type,
                    (byte*)error,
                    ErrorBytes
                )
        );
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
        var (data, bytes) = ((nint)LibTorch.Data(tensor.Handle), tensor.NumberOfElements * tensor.ElementSize);
        Run(
            tensor,
            error =>
                ((delegate* unmanaged<nint, nint, long, int, byte*, long, int>)_functions.Cast)(
                    _group,
                    data,
                    bytes,
                    root,
                    (byte*)error,
                    ErrorBytes
                )
        );
    }

    private void Run(Tensor tensor, Func<nint, int> call)
    {
        string? failure = null;
        var finished = _worker.Run(
            () =>
            {
                var error = stackalloc byte[ErrorBytes];
                if (call((nint)error) != 0)
                {
                    failure = Marshal.PtrToStringUTF8((nint)error);
                }
            },
            abandoned: () =>
            {
                // Gloo still reads and writes there: neither the memory nor the group may go before it has given up
                Interlocked.Increment(ref _users);
                var memory = tensor.alias().DetachFromDisposeScope();
                return () =>
                {
                    memory.Dispose();
                    Release();
                };
            }
        );
        if (!finished)
        {
            throw new TorchException("the exchange was left");
        }
        if (failure is not null)
        {
            throw new TorchException(failure);
        }
    }

    /// <inheritdoc/>
    public void Abort() => _worker.Abandon();

    private void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            ((delegate* unmanaged<nint, void>)_functions.Free)(_group);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _worker.Dispose();
        Release();
    }

    // The store as Gloo asks for it. No exception may pass through native code.
    [UnmanagedCallersOnly]
    private static long Get(nint store, byte* key, byte* to, long capacity)
    {
        try
        {
            var value = ((TcpStore)GCHandle.FromIntPtr(store).Target!).Get("gloo/" + Marshal.PtrToStringUTF8((nint)key));
            value.AsSpan(0, (int)Math.Min(value.Length, capacity)).CopyTo(new Span<byte>(to, (int)capacity));
            return value.Length;
        }
        catch (TorchException)
        {
            return -1;
        }
    }

    [UnmanagedCallersOnly]
    private static int Set(nint store, byte* key, byte* value, long bytes)
    {
        try
        {
            ((TcpStore)GCHandle.FromIntPtr(store).Target!).Set(
                "gloo/" + Marshal.PtrToStringUTF8((nint)key),
                new ReadOnlySpan<byte>(value, (int)bytes).ToArray()
            );
            return 0;
        }
        catch (TorchException)
        {
            return -1;
        }
    }

    private static (Functions?, string?) Load()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "libsmtgloo.so");
        if (!File.Exists(file))
        {
            return (
                null,
                "Runs on several CPU devices need Gloo, without which this program was built. Install it and build again: apt-get "
                    + "install g++ libgloo-dev"
            );
        }
        try
        {
            var library = NativeLibrary.Load(file);
            return (
                new Functions(
                    NativeLibrary.GetExport(library, "smt_gloo_new"),
                    NativeLibrary.GetExport(library, "smt_gloo_all_reduce"),
                    NativeLibrary.GetExport(library, "smt_gloo_broadcast"),
                    NativeLibrary.GetExport(library, "smt_gloo_free")
                ),
                null
            );
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return (
                null,
                $"Gloo, which runs on several CPU devices need, could not be loaded (apt-get install libgloo0, or build again): {e.Message}"
            );
        }
    }
}
