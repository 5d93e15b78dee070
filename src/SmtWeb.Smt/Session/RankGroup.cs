using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>
/// The ranks of a data-parallel run as one of them sees it: what rank 0 knows is shared, gradients and curves are averaged.
/// Every rank makes the same calls in the same order; any of them fails when a rank is gone.
/// </summary>
internal sealed class RankGroup : IDisposable
{
    /// <summary>
    /// Longest wait for a rank in an exchange. A dead one is noticed by its connection, with Gloo at once; this is for one that
    /// hangs, and for NCCL. What rank 0 does alone may take days: the others hear from it meanwhile (<see cref="WhileFirst"/>).
    /// </summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(5);

    private readonly TcpStore _store;
    private readonly ProcessGroup _control; // over the CPU, also beside GPUs
    private readonly ProcessGroup _tensors;

    private const long StillBusy = 1,
        Done = 2;

    private readonly TimeSpan _beat;

    private RankGroup(TcpStore store, int rank, int size, DeviceType device, TimeSpan patience)
    {
        (_store, _beat) = (store, patience / 10);
        _control = new ProcessGroup(ProcessGroup.Gloo, store, rank, size, patience);
        _tensors = device == DeviceType.CPU ? _control : new ProcessGroup(ProcessGroup.Nccl, store, rank, size, patience, device: rank);
    }

    /// <summary>This process's number.</summary>
    internal int Rank => _control.Rank;

    /// <summary>Number of processes.</summary>
    internal int Size => _control.Size;

    /// <summary>Joins the group that meets at <paramref name="host"/>:<paramref name="port"/>; waits for the others.</summary>
    /// <exception cref="TorchException">The others did not come, or this build has no backend for the device.</exception>
    internal static RankGroup Join(string host, int port, int rank, int size, DeviceType device, TimeSpan? patience = null)
    {
        var store = new TcpStore(host, port, serve: false, StartPatience);
        try
        {
            return new RankGroup(store, rank, size, device, patience ?? Patience);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Rank 0's number, on every rank.</summary>
    internal long Agree(long value) => _control.Agree(value);

    /// <summary>
    /// Rank 0 does something alone (evaluates, writes a checkpoint), and the others wait for it, however long it takes: it tells
    /// them well within the patience that it lives. Every rank calls this; nothing else is exchanged meanwhile.
    /// </summary>
    /// <exception cref="TorchException">A rank is gone.</exception>
    internal void WhileFirst(Action work)
    {
        if (Rank > 0)
        {
            while (Agree(0) != Done) { }

            return;
        }

        if (_tensors != _control)
        {
            // an exchange that was left because a rank died leaves nonsense on the GPU: all that was queued ends first, and then all
            // must be alive, before a checkpoint or a measurement is made of it
            torch.cuda.synchronize();
            _tensors.ThrowIfLost();
        }
        using var over = new ManualResetEventSlim();
        TorchException? lost = null;
        var beating = new Thread(() =>
        {
            try
            {
                while (!over.Wait(_beat))
                {
                    Agree(StillBusy);
                }
            }
            catch (TorchException e)
            {
                lost = e; // told when the work is done: what it found may be kept
            }
        })
        {
            IsBackground = true,
            Name = "rank 0 lives",
        };
        beating.Start();
        try
        {
            work();
        }
        finally
        {
            over.Set();
            beating.Join();
        }

        if (lost is not null)
        {
            throw new TorchException(lost.Message, lost);
        }
        Agree(Done);
    }

    /// <summary>Makes <paramref name="tensor"/>, of any layout, that of rank 0.</summary>
    internal void Share(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var rows = tensor.detach().reshape(-1).clone();
        (tensor.device_type == DeviceType.CPU ? _control : _tensors).Broadcast(rows);
        if (Rank > 0)
        {
            tensor.copy_(rows.reshape(tensor.shape));
        }
    }

    /// <summary>Rank 0's bytes, on every rank.</summary>
    internal byte[] Share(byte[] bytes)
    {
        using var scope = torch.NewDisposeScope();
        var length = (int)Agree(bytes.Length);
        var shared = Rank == 0 ? Tensors.Of(bytes, [length]) : torch.zeros([length], ScalarType.Byte);
        _control.Broadcast(shared);
        return shared.ToArray<byte>();
    }

    /// <summary>Means over the ranks.</summary>
    internal double[] Mean(double[] values)
    {
        if (values.Length == 0)
        {
            return values;
        }
        using var scope = torch.NewDisposeScope();
        var sums = Tensors.Of(values, [values.Length]);
        _control.AllReduce(sums);
        return Array.ConvertAll(sums.ToArray<double>(), v => v / Size);
    }

    /// <summary>Has the gradients of <paramref name="parameters"/> averaged before each step from now on.</summary>
    internal void Exchange(FlatParameters parameters)
    {
        parameters.Exchange = new GradientExchange(_tensors, parameters);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_tensors != _control)
        {
            _tensors.Dispose();
        }
        _control.Dispose();
        _store.Dispose();
    }
}
