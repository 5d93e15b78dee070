using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>What a communication library does for <see cref="ProcessGroup"/>. Tensors are dense.</summary>
internal interface ICollectives : IDisposable
{
    /// <summary>Sums over the ranks, in place.</summary>
    void AllReduce(Tensor tensor);

    /// <summary>Gives every rank the elements of rank <paramref name="root"/>.</summary>
    void Broadcast(Tensor tensor, int root);

    /// <summary>A rank is gone: whatever waits for it must end soon. Called from another thread, at any time.</summary>
    void Abort();
}
