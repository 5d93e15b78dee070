using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>The NVIDIA GPUs that this libtorch can use, and the settings of theirs that TorchSharp does not bind.</summary>
public static unsafe class Gpu
{
    /// <summary>Number of GPUs; 0 in a build for CPUs, and where no driver answers.</summary>
    public static int Count
    {
        get
        {
            TorchRuntime.Initialize();
            return cuda.is_available() ? cuda.device_count() : 0;
        }
    }

    /// <summary>The first GPU, or the CPU where there is none.</summary>
    public static Device OrCpu() => Count > 0 ? new Device(DeviceType.CUDA, 0) : CPU;

    /// <summary>
    /// What training in float32 beside bf16 bodies wants: matrix products and convolutions in TF32, and cuDNN's fastest algorithm
    /// measured once a shape.
    /// </summary>
    public static void EnableFastMath()
    {
        backends.cuda.matmul.allow_tf32 = true;
        backends.cudnn.allow_tf32 = true;
        // at::globalContext().setBenchmarkCuDNN(true), for which TorchSharp has no property; without it training is only slower
        if (!NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, null, out var library))
        {
            return;
        }
        if (!NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var context))
        {
            return;
        }
        if (!NativeLibrary.TryGetExport(library, "_ZN2at7Context17setBenchmarkCuDNNEb", out var set))
        {
            return;
        }
        ((delegate* unmanaged[Cdecl]<nint, byte, void>)set)(((delegate* unmanaged[Cdecl]<nint>)context)(), 1);
    }

    /// <summary>Seeds the GPUs' own generator, from which dropout draws there. It waits for nothing.</summary>
    public static void Seed(ulong seed) => cuda.manual_seed_all((long)seed);

    /// <summary>Bytes of memory in use and in all on the current GPU, as the driver tells; null where it tells nothing.</summary>
    public static (long Used, long Total)? Memory()
    {
        if (
            !NativeLibrary.TryLoad("libcudart.so.12", out var library)
            || !NativeLibrary.TryGetExport(library, "cudaMemGetInfo", out var ask)
        )
        {
            return null;
        }
        nuint free,
            total;
        return ((delegate* unmanaged[Cdecl]<nuint*, nuint*, int>)ask)(&free, &total) == 0 ? ((long)(total - free), (long)total) : null;
    }
}
