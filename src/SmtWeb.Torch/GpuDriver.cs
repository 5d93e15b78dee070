using System.Runtime.InteropServices;

namespace SmtWeb.Torch;

/// <summary>What stands between this program and an NVIDIA GPU.</summary>
public static unsafe class GpuDriver
{
    /// <summary>CUDA 12.x programs run on every driver of CUDA 12; libtorch's are of 12.8.</summary>
    private const int OldestCuda = 12000;

    private const int NoDevice = 100;

    private static readonly Lazy<string?> Found = new(() => Explain(IsGpuBuild, Probe()));

    /// <summary>Whether libtorch came with its CUDA libraries (./run.sh --gpu, -p:TorchDevice=cuda).</summary>
    public static bool IsGpuBuild => File.Exists(Path.Combine(AppContext.BaseDirectory, "libtorch_cuda.so"));

    /// <summary>
    /// Why this program cannot compute on a GPU and what would make it, or null if the driver is in order. Loads nothing but the driver.
    /// </summary>
    public static string? Problem => Found.Value;

    /// <summary>
    /// What a driver says: the error of its start (null: there is none) and the CUDA version that it knows, 12080 for 12.8.
    /// </summary>
    internal readonly record struct Answer(int? Error, int Version);

    internal static string? Explain(bool gpuBuild, Answer driver) =>
        (gpuBuild, driver) switch
        {
            (false, { Error: null }) => "This program was built for CPUs, and no NVIDIA driver answers on this machine.",
            (false, _) =>
                "This program was built for CPUs. An NVIDIA driver answers: ./run.sh --gpu builds it for GPUs (-p:TorchDevice=cuda).",
            (true, { Error: null }) =>
                "This program was built for GPUs, but no NVIDIA driver answers (libcuda.so.1 is not there). Install the driver, or "
                    + "give the container its GPUs (docker compose with "
                    + "docker-compose.gpu.yml, docker run --gpus all; the host needs nvidia-container-toolkit), or build for CPUs: "
                    + "./run.sh --cpu.",
            // the version comes before the rest: an old driver also refuses to start for newer devices
            (true, { Version: > 0 and < OldestCuda }) =>
                $"The NVIDIA driver is too old: it knows CUDA {driver.Version / 1000}.{driver.Version % 1000 / 10}, and this program "
                    + "needs 12.0 or newer (driver 525 or newer; "
                    + "12.8 and driver 570 for GPUs of the Blackwell generation). Update the driver, or build for CPUs: ./run.sh --cpu.",
            (true, { Error: NoDevice }) =>
                "An NVIDIA driver answers, but shows no GPU. Does nvidia-smi list one, is CUDA_VISIBLE_DEVICES empty, was the "
                    + "container given its GPUs (docker run --gpus all)?",
            (true, { Error: not 0 }) =>
                $"The NVIDIA driver does not start (CUDA error {driver.Error}). Does nvidia-smi work? After an update of the driver the "
                    + "machine may have to be restarted.",
            (true, _) => null,
        };

    private static Answer Probe()
    {
        if (
            !NativeLibrary.TryLoad("libcuda.so.1", out var library)
            || !NativeLibrary.TryGetExport(library, "cuInit", out var init)
            || !NativeLibrary.TryGetExport(library, "cuDriverGetVersion", out var version)
        )
        {
            return new(null, 0);
        }
        int number;
        var known = ((delegate* unmanaged<int*, int>)version)(&number) == 0; // may be asked before cuInit
        return new(((delegate* unmanaged<uint, int>)init)(0), known ? number : 0);
    }
}
