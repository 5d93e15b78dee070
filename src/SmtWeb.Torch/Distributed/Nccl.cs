#pragma warning disable RS0030 // a rank waits on a thread of its own: there is no context to block, and the tasks that are read have ended
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// NCCL on GPU tensors, through its own C interface (nccl.h of version 2). Calls are queued on libtorch's current stream: the host does
/// not wait, and the operators after them see their results.
/// </summary>
internal sealed unsafe class Nccl : ICollectives
{
    private const int UniqueIdBytes = 128;
    private const int Success = 0,
        InProgress = 7;

    private static readonly Lazy<(Functions? Functions, string? Missing)> Library = new(Load);

    private readonly Functions _functions;
    private readonly int _device;
    private readonly object _sync = new();
    private nint _communicator;
    private volatile bool _aborted;

    // passed by value, as nccl.h has it
    private struct UniqueId
    {
        internal fixed byte Bytes[UniqueIdBytes];
    }

    private sealed record Functions(
        nint GetUniqueId, // ncclResult_t (ncclUniqueId*)
        nint CommInitRank, // ncclResult_t (ncclComm_t*, int size, ncclUniqueId, int rank)
        nint AllReduce, // ncclResult_t (const void* from, void* to, size_t count, ncclDataType_t, ncclRedOp_t, ncclComm_t, cudaStream_t)
        nint Broadcast, // ncclResult_t (const void* from, void* to, size_t count, ncclDataType_t, int root, ncclComm_t, cudaStream_t)
        nint CommDestroy, // ncclResult_t (ncclComm_t)
        nint CommAbort, // ncclResult_t (ncclComm_t)
        nint GetAsyncError, // ncclResult_t (ncclComm_t, ncclResult_t*)
        nint GetErrorString, // const char* (ncclResult_t)
        nint GetLastError
    ); // const char* (ncclComm_t), or 0 before NCCL 2.13

    /// <summary>Joins with GPU <paramref name="device"/>. Rank 0 makes the group's name, and the store tells it to the others.</summary>
    /// <exception cref="TorchException">NCCL is missing or refuses, or the others did not come.</exception>
    internal Nccl(TcpStore store, int rank, int size, int device, TimeSpan timeout)
    {
        _functions = Library.Value.Functions ?? throw new TorchException(Library.Value.Missing!);
        _device = device;
        UniqueId id = default;
        if (rank == 0)
        {
            Check(((delegate* unmanaged<UniqueId*, int>)_functions.GetUniqueId)(&id), "ncclGetUniqueId");
            store.Set("nccl/id", new ReadOnlySpan<byte>(id.Bytes, UniqueIdBytes).ToArray());
        }
        else
        {
            store.Get("nccl/id").CopyTo(new Span<byte>(id.Bytes, UniqueIdBytes));
        }
        _communicator = Connect(id, store, rank, size, timeout);
    }

    /// <summary>Why there is no NCCL, or null.</summary>
    internal static string? Missing => Library.Value.Missing;

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
        const int sum = 0;
        var data = (nint)LibTorch.Data(tensor.Handle);
        var (type, count) = (TypeOf(tensor.dtype), (nuint)tensor.NumberOfElements);
        Queue(
            "ncclAllReduce",
            stream =>
                ((delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)_functions.AllReduce)(
                    data,
                    data,
                    count,
                    type,
                    sum,
                    _communicator,
                    stream
                )
        );
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
        const int bytes = 1; // ncclUint8: a broadcast only moves them
        var data = (nint)LibTorch.Data(tensor.Handle);
        var count = (nuint)(tensor.NumberOfElements * tensor.ElementSize);
        Queue(
            "ncclBroadcast",
            stream =>
                ((delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)_functions.Broadcast)(
                    data,
                    data,
                    count,
                    bytes,
                    root,
                    _communicator,
                    stream
                )
        );
    }

    // ncclDataType_t
    private static int TypeOf(ScalarType type) =>
        type switch
        {
            ScalarType.Int8 => 0,
            ScalarType.Byte => 1,
            ScalarType.Int32 => 2,
            ScalarType.Int64 => 4,
            ScalarType.Float16 => 6,
            ScalarType.Float32 => 7,
            ScalarType.Float64 => 8,
            ScalarType.BFloat16 => 9,
            _ => throw new TorchException($"NCCL has no elements of type {type}."),
        };

    private void Queue(string what, Func<nint, int> call)
    {
        lock (_sync) // an abort frees the communicator
        {
            if (_aborted)
            {
                throw new TorchException("the exchange was left");
            }
            using var here = new CudaGuard(_device);
            int earlier;
            Check(((delegate* unmanaged<nint, int*, int>)_functions.GetAsyncError)(_communicator, &earlier), "ncclCommGetAsyncError");
            Check(earlier == InProgress ? Success : earlier, "an earlier exchange");
            Check(call(CudaGuard.Stream(_device)), what);
        }
    }

    private nint Connect(UniqueId id, TcpStore store, int rank, int size, TimeSpan timeout)
    {
        // it blocks until all ranks are there, with no timeout of its own; a rank that never comes must not hold this one for ever
        nint made = 0;
        var connecting = Task.Factory.StartNew(
            () =>
            {
                using var here = new CudaGuard(_device);
                nint result = 0;
                Check(
                    ((delegate* unmanaged<nint*, int, UniqueId, int, int>)_functions.CommInitRank)(&result, size, id, rank),
                    $"ncclCommInitRank, rank {rank} of {size} on GPU {_device}"
                );
                made = result;
            },
            TaskCreationOptions.LongRunning
        );
        try
        {
            return Task.WaitAny([connecting, store.Lost], timeout) switch
            {
                0 => Finished(connecting, ref made),
                1 => throw new TorchException($"While the ranks met: {store.Lost.Result}."),
                _ => throw new TorchException($"NCCL, rank {rank} of {size}: a rank did not come within {timeout.TotalSeconds:0} s."),
            };
        }
        catch (AggregateException e) when (e.InnerException is TorchException cause)
        {
            throw new TorchException(cause.Message, cause);
        }
    }

    private static nint Finished(Task connecting, ref nint made)
    {
        connecting.Wait();
        return made;
    }

    /// <inheritdoc/>
    public void Abort()
    {
        // a call that is stuck inside NCCL holds the lock until the abort lets it go
        var mine = Monitor.TryEnter(_sync, TimeSpan.FromSeconds(1));
        try
        {
            if (!_aborted && _communicator != 0)
            {
                _aborted = true;
                using var here = new CudaGuard(_device);
                // ends the kernels that wait for the dead rank, and frees the communicator
                _ = ((delegate* unmanaged<nint, int>)_functions.CommAbort)(_communicator);
            }
            _aborted = true;
        }
        finally
        {
            if (mine)
            {
                Monitor.Exit(_sync);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_sync)
        {
            if (!_aborted && _communicator != 0)
            {
                using var here = new CudaGuard(_device);
                _ = ((delegate* unmanaged<nint, int>)_functions.CommDestroy)(_communicator);
            }
            _aborted = true;
            _communicator = 0;
        }
    }

    private void Check(int result, string what)
    {
        if (result == Success)
        {
            return;
        }
        var words = Marshal.PtrToStringUTF8(((delegate* unmanaged<int, nint>)_functions.GetErrorString)(result));
        var more =
            _functions.GetLastError == 0
                ? null
                : Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)_functions.GetLastError)(_communicator));
        throw new TorchException(
            $"{what}: {words}{(string.IsNullOrWhiteSpace(more) ? "" : $" ({more.Trim()})")}. NCCL_DEBUG=INFO in the environment makes "
                + "NCCL tell more."
        );
    }

    private static (Functions?, string?) Load()
    {
        // NCCL's own library, or the one inside a libtorch that was linked with it
        if (
            !NativeLibrary.TryLoad("libnccl.so.2", typeof(Nccl).Assembly, null, out var library)
            && !(
                NativeLibrary.TryLoad("torch_cuda", typeof(Nccl).Assembly, null, out library)
                && NativeLibrary.TryGetExport(library, "ncclGetUniqueId", out _)
            )
        )
        {
            return (
                null,
                "Runs on several GPUs need NCCL (libnccl.so.2), which was not found. Install NVIDIA's package libnccl2, or put the "
                    + "library's folder into LD_LIBRARY_PATH."
            );
        }
        try
        {
            return (
                new Functions(
                    NativeLibrary.GetExport(library, "ncclGetUniqueId"),
                    NativeLibrary.GetExport(library, "ncclCommInitRank"),
                    NativeLibrary.GetExport(library, "ncclAllReduce"),
                    NativeLibrary.GetExport(library, "ncclBroadcast"),
                    NativeLibrary.GetExport(library, "ncclCommDestroy"),
                    NativeLibrary.GetExport(library, "ncclCommAbort"),
                    NativeLibrary.GetExport(library, "ncclCommGetAsyncError"),
                    NativeLibrary.GetExport(library, "ncclGetErrorString"),
                    NativeLibrary.TryGetExport(library, "ncclGetLastError", out var last) ? last : 0
                ),
                null
            );
        }
        catch (EntryPointNotFoundException e)
        {
            return (null, $"libnccl.so.2 is too old; runs on several GPUs need NCCL 2.10 or newer: {e.Message}");
        }
    }
}
