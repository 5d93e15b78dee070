using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>Tensors in the form in which kernels take them; the caller owns the handles.</summary>
internal static unsafe class Handles
{
    /// <summary>In channels-last order.</summary>
    internal static nint Image(nint image) => new TensorInfo(image).IsChannelsLast ? LibTorch.Share(image) : Dispatcher.ChannelsLast(image);

    /// <summary>Row-major.</summary>
    internal static nint RowMajor(nint tensor) => new TensorInfo(tensor).IsRowMajor ? LibTorch.Share(tensor) : Dispatcher.RowMajor(tensor);

    /// <summary>Row-major float32.</summary>
    internal static nint Floats(Tensor tensor)
    {
        var info = new TensorInfo(tensor);
        if (info.IsPlain(info.Dimensions))
        {
            return LibTorch.Share(info.Handle);
        }
        using var none = no_grad();
        using var scope = NewDisposeScope();
        return LibTorch.Share(tensor.to(ScalarType.Float32).contiguous().Handle);
    }

    /// <summary>An image like another, of zeros.</summary>
    internal static nint Zeros(in TensorInfo like, int bytes)
    {
        var zeros = LibTorch.EmptyLike(like);
        System.Runtime.InteropServices.NativeMemory.Clear(LibTorch.Data(zeros), (nuint)(like.Count * bytes));
        return zeros;
    }
}
