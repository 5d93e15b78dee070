using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// The only way from host memory to the training device inside a step. A copy from ordinary memory to a GPU would wait for all
/// that the GPU has been given; one from pinned memory does not. Pinned blocks are libtorch's, which keeps each until the copies
/// that were started from it are done, so that the host tensor may be freed at once.
/// </summary>
public static class HostTransfer
{
    private static long _started,
        _waited,
        _read;
    private static bool _standIn;

    /// <summary>
    /// Whether the CPU stands in for a GPU: it is then treated as one, so that a test can walk a training step and count, on a machine
    /// that has none, what would wait there.
    /// </summary>
    public static bool StandIn
    {
        get => Volatile.Read(ref _standIn);
        set => Volatile.Write(ref _standIn, value);
    }

    /// <summary>Copies to a GPU that were started since the program began.</summary>
    public static long Started => Interlocked.Read(ref _started);

    /// <summary>Copies to a GPU that waited for it: fine outside of a step, and nowhere inside.</summary>
    public static long Waited => Interlocked.Read(ref _waited);

    /// <summary>Times that values were read from a GPU, each of which waits for all that it was given.</summary>
    public static long ReadBack => Interlocked.Read(ref _read);

    /// <summary>Whether one would wait for values on <paramref name="device"/>.</summary>
    public static bool IsRemote(Device device) => StandIn || device.type != DeviceType.CPU;

    internal static bool IsRemote(Tensor tensor) => StandIn || tensor.device_type != DeviceType.CPU;

    internal static void CountWait() => Interlocked.Increment(ref _waited);

    internal static void CountRead(Tensor tensor)
    {
        if (IsRemote(tensor))
        {
            Interlocked.Increment(ref _read);
        }
    }

    /// <summary>
    /// <paramref name="host"/> such that <see cref="Start"/> to <paramref name="device"/> need not wait: pinned for a GPU, else as it is.
    /// </summary>
    public static Tensor Stage(Tensor host, Device device) => device.type == DeviceType.CUDA ? host.pin_memory() : host;

    /// <summary>Starts the copy of a staged tensor and does not wait for it.</summary>
    public static Tensor Start(Tensor staged, Device device)
    {
        Interlocked.Increment(ref _started);
        return staged.to(device, non_blocking: true);
    }

    /// <summary>A small tensor of host values on the device.</summary>
    public static Tensor Of<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, Device device)
        where T : unmanaged
    {
        var host = Tensors.Of(values, shape);
        return IsRemote(device) ? Start(Stage(host, device), device) : host;
    }

    /// <summary>
    /// Rows of one-hot classes [N, classes] of labels [N]. Unlike one_hot it looks at no value, which would wait for the device.
    /// </summary>
    public static Tensor OneHot(Tensor labels, int classes) =>
        labels.unsqueeze(1).eq(Numbers.Range(classes, ScalarType.Int64, labels.device)).to(ScalarType.Float32);
}
