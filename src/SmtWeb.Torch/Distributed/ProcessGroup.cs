#pragma warning disable RS0030 // a rank waits on a thread of its own: there is no context to block, and the tasks that are read have ended
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// The ranks of a run, usually one a process, over Gloo (CPU tensors) or NCCL (GPU tensors). Every rank must make the same calls in the
/// same order. A rank that dies fails the calls of the others within seconds: its connections break, and where they do not (a machine
/// that vanished, a GPU that waits for another), the store's life line tells.
/// </summary>
public sealed class ProcessGroup : IDisposable
{
    /// <summary>Backend of CPU tensors.</summary>
    public const string Gloo = "gloo";

    /// <summary>Backend of GPU tensors.</summary>
    public const string Nccl = "nccl";

    private readonly ICollectives? _collectives; // none where there is one rank
    private readonly TcpStore _store;
    private bool _disposed;

    /// <summary>
    /// Joins as <paramref name="rank"/> of <paramref name="size"/>; returns when all are there. <paramref name="device"/> is this rank's
    /// GPU for NCCL. The store must outlive the group.
    /// </summary>
    /// <exception cref="TorchException">The backend is missing, or the others did not come within <paramref name="timeout"/>.</exception>
    public ProcessGroup(string backend, TcpStore store, int rank, int size, TimeSpan timeout, int device = 0)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (rank < 0 || rank >= size)
        {
            throw new TorchException($"rank {rank} is not one of {size}");
        }
        if (WhyNot(backend) is { } reason)
        {
            throw new TorchException(reason);
        }
        (Rank, Size, _store) = (rank, size, store);
        if (size == 1)
        {
            return;
        }
        store.Join(rank);
        _collectives = backend == Gloo ? new Gloo(store, rank, size, timeout) : new Nccl(store, rank, size, device, timeout);
        store.Lost.ContinueWith(
            _ => _collectives.Abort(),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
    }

    /// <summary>This process's number, from 0.</summary>
    public int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public int Size { get; }

    /// <summary>The one that reports.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>Whether <paramref name="backend"/> can be used here.</summary>
    public static bool Has(string backend) => WhyNot(backend) is null;

    /// <summary>Why <paramref name="backend"/> cannot be used here and what makes it, or null.</summary>
    public static string? WhyNot(string backend) =>
        backend switch
        {
            Gloo => Torch.Gloo.Missing,
            Nccl => Torch.Nccl.Missing,
            _ => $"there is no backend '{backend}' for several devices; the backends are {Gloo} and {Nccl}",
        };

    /// <summary>Throws if another rank is known to be gone.</summary>
    /// <exception cref="TorchException">It is.</exception>
    public void ThrowIfLost()
    {
        if (_store.Lost.IsCompleted)
        {
            throw new TorchException($"A rank of {Size} is lost: {_store.Lost.Result}.");
        }
    }

    /// <summary>Sums <paramref name="tensor"/>, dense, over the ranks, in place.</summary>
    /// <exception cref="TorchException">A rank is gone, or late by more than the timeout.</exception>
    public void AllReduce(Tensor tensor) => Run($"sum over {Size} ranks", tensor, static (c, t, _) => c.AllReduce(t), 0);

    /// <summary>Gives every rank the <paramref name="tensor"/>, dense, of rank <paramref name="root"/>, in place.</summary>
    /// <exception cref="TorchException">A rank is gone, or late by more than the timeout.</exception>
    public void Broadcast(Tensor tensor, int root = 0) =>
        Run($"broadcast from rank {root} of {Size}", tensor, static (c, t, r) => c.Broadcast(t, r), root);

    /// <summary>The number that rank 0 gives, on every rank; over Gloo.</summary>
    /// <exception cref="TorchException">A rank is gone, or late by more than the timeout.</exception>
    public long Agree(long value)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var shared = Tensors.Of([value], [1]);
        Broadcast(shared);
        return shared.ToArray<long>()[0];
    }

    private void Run(string what, Tensor tensor, Action<ICollectives, Tensor, int> exchange, int root)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(tensor);
        if (!tensor.is_contiguous())
        {
            throw new TorchException(
                $"{what}: the tensor of shape [{string.Join(',', tensor.shape)}] is not dense; exchange a contiguous() copy."
            );
        }
        if (_collectives is null || tensor.NumberOfElements == 0)
        {
            return;
        }
        try
        {
            ThrowIfLost();
            exchange(_collectives, tensor, root);
        }
        catch (TorchException e)
        {
            throw new TorchException($"{what}: {(_store.Lost.IsCompleted ? _store.Lost.Result : e.Message)}", e);
        }
        GC.KeepAlive(tensor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _collectives?.Dispose();
        }
    }
}
