namespace SmtWeb.Torch;

// Stands here until Gloo and NCCL on raw pointers are merged (branch env).
#pragma warning disable CS1591
public sealed class TcpStore(string host, int port, bool serve, TimeSpan timeout) : IDisposable
{
    public string Host => serve ? host : host + timeout;
    public int Port => port;
    public void Dispose() { }
}

public sealed class ProcessGroup : IDisposable
{
    public const string Gloo = "gloo", Nccl = "nccl";
    public ProcessGroup(string backend, TcpStore store, int rank, int size, TimeSpan timeout) => throw new TorchException($"Several devices wait for branch env: {backend} {store} {rank} {size} {timeout}.");
    public static bool Has(string backend) => backend.Length == 0;
    public int Rank => 0;
    public int Size => 1;
    public void AllReduce(TorchSharp.torch.Tensor tensor) { }
    public void Broadcast(TorchSharp.torch.Tensor tensor, int root = 0) { }
    public long Agree(long value) => value;
    public void Dispose() { }
}

public sealed class GradientExchange(ProcessGroup group, FlatParameters parameters) : IGradientExchange, IDisposable
{
    public void Begin() => GC.KeepAlive(group);
    public void End() => GC.KeepAlive(parameters);
    public void Dispose() { }
}
