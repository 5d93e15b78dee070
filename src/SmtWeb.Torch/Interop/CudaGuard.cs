using System.Runtime.InteropServices;

namespace SmtWeb.Torch;

/// <summary>Makes a GPU the current one of this thread, as NCCL's calls want it, by libtorch's stable C ABI.</summary>
internal readonly unsafe partial struct CudaGuard : IDisposable
{
    private readonly nint _handle;

    internal CudaGuard(int device)
    {
        nint made;
        if (aoti_torch_create_cuda_guard(device, &made) != 0)
        {
            throw new TorchException($"libtorch cannot use GPU {device}; its words are on the error output.");
        }
        _handle = made;
    }

    internal static nint Stream(int device)
    {
        nint stream;
        return aoti_torch_get_current_cuda_stream(device, &stream) == 0
            ? stream
            : throw new TorchException($"libtorch has no stream on GPU {device}; its words are on the error output.");
    }

    public void Dispose() => _ = aoti_torch_delete_cuda_guard(_handle);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_create_cuda_guard(int device, nint* guard);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_delete_cuda_guard(nint guard);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_get_current_cuda_stream(int device, nint* stream);
}
