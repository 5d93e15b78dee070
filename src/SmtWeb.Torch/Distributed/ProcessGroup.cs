using System.Runtime.InteropServices;
using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

/// <summary>
/// The ranks of a run, usually one a process: c10d's process group over Gloo (CPU tensors) or NCCL (GPU tensors). Every
/// rank must make the same calls in the same order. A rank that dies fails the calls of the others: at once with Gloo,
/// whose connections break with it, after the timeout with NCCL.
/// </summary>
public sealed class ProcessGroup : SafeHandle
{
    /// <summary>Backend of CPU tensors.</summary>
    public const string Gloo = "gloo";

    /// <summary>Backend of GPU tensors.</summary>
    public const string Nccl = "nccl";

    /// <summary>Joins as <paramref name="rank"/> of <paramref name="size"/>; returns when all are there.</summary>
    /// <exception cref="TorchException">This build lacks the backend, or the others did not come within <paramref name="timeout"/>.</exception>
    public ProcessGroup(string backend, TcpStore store, int rank, int size, TimeSpan timeout) : base(0, ownsHandle: true)
    {
        (Rank, Size) = (rank, size);
        SetHandle(Native.Check(Native.smt_process_group_new(backend, store.Raw, store.Host, rank, size, (long)timeout.TotalMilliseconds), $"process group {backend}, rank {rank} of {size}"));
        GC.KeepAlive(store);
    }

    /// <summary>This process's number, from 0.</summary>
    public int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public int Size { get; }

    /// <summary>The one that reports.</summary>
    public bool IsFirst => Rank == 0;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    internal nint Raw => IsClosed ? throw new ObjectDisposedException(nameof(ProcessGroup)) : handle;

    /// <summary>Whether this build of libtorch and of the shim has <paramref name="backend"/>.</summary>
    public static bool Has(string backend) => Native.smt_process_group_has(backend) != 0;

    /// <summary>Sums <paramref name="tensor"/> over the ranks, in place.</summary>
    /// <exception cref="TorchException">A rank is gone, or late by more than the timeout.</exception>
    public void AllReduce(Tensor tensor)
    {
        Native.Check(Native.smt_all_reduce(Raw, tensor.Raw), $"sum over {Size} ranks");
        GC.KeepAlive(tensor);
    }

    /// <summary>Gives every rank the <paramref name="tensor"/> of rank <paramref name="root"/>, in place.</summary>
    /// <exception cref="TorchException">A rank is gone, or late by more than the timeout.</exception>
    public void Broadcast(Tensor tensor, int root = 0)
    {
        Native.Check(Native.smt_broadcast(Raw, tensor.Raw, root), $"broadcast from rank {root} of {Size}");
        GC.KeepAlive(tensor);
    }

    /// <summary>The number that rank 0 gives, on every rank.</summary>
    /// <exception cref="TorchException">A rank is gone, or late by more than the timeout.</exception>
    public long Agree(long value)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var shared = torch.tensor([value], [1]);
        Broadcast(shared);
        return shared.ToArray<long>()[0];
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Native.smt_process_group_free(handle);
        return true;
    }
}
