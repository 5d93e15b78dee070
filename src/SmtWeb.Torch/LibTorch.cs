using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>Functions of libtorch's stable C ABI: what a tensor is, without a managed array or a check of an error for each question.</summary>
internal static unsafe partial class LibTorch
{
    private const string Library = "torch_cpu";

    /// <summary>Where the first element lies.</summary>
    internal static void* Data(Tensor tensor)
    {
        void* data;
        if (aoti_torch_get_data_ptr(tensor.Handle, &data) != 0)
        {
            throw new TorchException("libtorch does not tell where a tensor's memory is; its words are on the error output.");
        }
        return data;
    }

    [LibraryImport(Library)]
    internal static partial int aoti_torch_get_data_ptr(nint tensor, void** data);
}
