using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>
/// The ranks of a data-parallel run as one of them sees it: what rank 0 knows is shared, gradients and curves are averaged.
/// Every rank makes the same calls in the same order; any of them fails when a rank is gone.
/// </summary>
internal sealed class RankGroup : IDisposable
{
    /// <summary>
    /// Longest wait for a rank that is alive: rank 0 evaluates and writes checkpoints while the others wait. A dead one is
    /// noticed by its connection at once.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromHours(6);

    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(5);

    private readonly TcpStore store;
    private readonly ProcessGroup control; // over the CPU, also beside GPUs
    private readonly ProcessGroup tensors;
    private readonly List<GradientExchange> exchanges = [];

    private RankGroup(TcpStore store, int rank, int size, DeviceType device)
    {
        this.store = store;
        control = new ProcessGroup(ProcessGroup.Gloo, store, rank, size, Patience);
        tensors = device == DeviceType.Cpu ? control : new ProcessGroup(ProcessGroup.Nccl, store, rank, size, Patience);
    }

    /// <summary>This process's number.</summary>
    internal int Rank => control.Rank;

    /// <summary>Number of processes.</summary>
    internal int Size => control.Size;

    /// <summary>Joins the group that meets at <paramref name="host"/>:<paramref name="port"/>; waits for the others.</summary>
    /// <exception cref="TorchException">The others did not come, or this build has no backend for the device.</exception>
    internal static RankGroup Join(string host, int port, int rank, int size, DeviceType device)
    {
        var store = new TcpStore(host, port, serve: false, StartPatience);
        try
        {
            return new RankGroup(store, rank, size, device);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Rank 0's number, on every rank.</summary>
    internal long Agree(long value) => control.Agree(value);

    /// <summary>Makes <paramref name="tensor"/>, of any layout, that of rank 0.</summary>
    internal void Share(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var rows = tensor.detach().reshape(-1).clone();
        (tensor.Device.Type == DeviceType.Cpu ? control : tensors).Broadcast(rows);
        if (Rank > 0) tensor.copy_(rows.reshape(tensor.Shape));
    }

    /// <summary>Rank 0's bytes, on every rank.</summary>
    internal byte[] Share(byte[] bytes)
    {
        using var scope = torch.NewDisposeScope();
        var length = (int)Agree(bytes.Length);
        var shared = Rank == 0 ? torch.tensor(bytes, [length]) : torch.zeros([length], ScalarType.Byte);
        control.Broadcast(shared);
        return shared.ToArray<byte>();
    }

    /// <summary>Means over the ranks.</summary>
    internal double[] Mean(double[] values)
    {
        if (values.Length == 0) return values;
        using var scope = torch.NewDisposeScope();
        var sums = torch.tensor(values, [values.Length]);
        control.AllReduce(sums);
        return Array.ConvertAll(sums.ToArray<double>(), v => v / Size);
    }

    /// <summary>Has the gradients of <paramref name="parameters"/> averaged before each step from now on.</summary>
    internal void Exchange(FlatParameters parameters)
    {
        var exchange = new GradientExchange(tensors, parameters);
        exchanges.Add(exchange);
        parameters.Exchange = exchange;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var exchange in exchanges) exchange.Dispose();
        if (tensors != control) tensors.Dispose();
        control.Dispose();
        store.Dispose();
    }
}
