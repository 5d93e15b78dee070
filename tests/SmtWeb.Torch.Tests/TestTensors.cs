using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>Order of an image in memory.</summary>
public enum MemoryFormat
{
    /// <summary>Row-major.</summary>
    Contiguous,

    /// <summary>The channels of a pixel together.</summary>
    ChannelsLast,
}

internal static class TestTensors
{
    internal static Tensor In(this Tensor tensor, MemoryFormat format) =>
        format == MemoryFormat.ChannelsLast ? Dispatcher.channels_last(tensor) : tensor.contiguous();
}
