using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

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

    private readonly TcpStore store;
    private readonly ProcessGroup control; // over the CPU, also beside GPUs
    private readonly ProcessGroup tensors;

    private const long StillBusy = 1, Done = 2;

    private readonly TimeSpan beat;

    private RankGroup(TcpStore store, int rank, int size, DeviceType device, TimeSpan patience)
    {
        (this.store, beat) = (store, patience / 10);
        control = new ProcessGroup(ProcessGroup.Gloo, store, rank, size, patience);
        tensors = device == DeviceType.CPU ? control : new ProcessGroup(ProcessGroup.Nccl, store, rank, size, patience, device: rank);
    }

    /// <summary>This process's number.</summary>
    internal int Rank => control.Rank;

    /// <summary>Number of processes.</summary>
    internal int Size => control.Size;

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
    internal long Agree(long value) => control.Agree(value);

    /// <summary>
    /// Rank 0 does something alone (evaluates, writes a checkpoint), and the others wait for it, however long it takes: it tells
    /// them well within the patience that it lives. Every rank calls this; nothing else is exchanged meanwhile.
    /// </summary>
    /// <exception cref="TorchException">A rank is gone.</exception>
    internal void WhileFirst(Action work)
    {
        if (Rank > 0)
        {
            while (Agree(0) != Done)
            {
            }

            return;
        }

        using var over = new ManualResetEventSlim();
        TorchException? lost = null;
        var beating = new Thread(() =>
        {
            try
            {
                while (!over.Wait(beat)) Agree(StillBusy);
            }
            catch (TorchException e)
            {
                lost = e; // told when the work is done: what it found may be kept
            }
        }) { IsBackground = true, Name = "rank 0 lives" };
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

        if (lost is not null) throw new TorchException(lost.Message, lost);
        Agree(Done);
    }

    /// <summary>Makes <paramref name="tensor"/>, of any layout, that of rank 0.</summary>
    internal void Share(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var rows = tensor.detach().reshape(-1).clone();
        (tensor.device_type == DeviceType.CPU ? control : tensors).Broadcast(rows);
        if (Rank > 0) tensor.copy_(rows.reshape(tensor.shape));
    }

    /// <summary>Rank 0's bytes, on every rank.</summary>
    internal byte[] Share(byte[] bytes)
    {
        using var scope = torch.NewDisposeScope();
        var length = (int)Agree(bytes.Length);
        var shared = Rank == 0 ? Tensors.Of(bytes, [length]) : torch.zeros([length], ScalarType.Byte);
        control.Broadcast(shared);
        return shared.ToArray<byte>();
    }

    /// <summary>Means over the ranks.</summary>
    internal double[] Mean(double[] values)
    {
        if (values.Length == 0) return values;
        using var scope = torch.NewDisposeScope();
        var sums = Tensors.Of(values, [values.Length]);
        control.AllReduce(sums);
        return Array.ConvertAll(sums.ToArray<double>(), v => v / Size);
    }

    /// <summary>Has the gradients of <paramref name="parameters"/> averaged before each step from now on.</summary>
    internal void Exchange(FlatParameters parameters)
    {
        parameters.Exchange = new GradientExchange(tensors, parameters);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (tensors != control) tensors.Dispose();
        control.Dispose();
        store.Dispose();
    }
}
