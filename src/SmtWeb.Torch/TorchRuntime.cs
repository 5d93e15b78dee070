using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>libtorch as this process has it.</summary>
public static class TorchRuntime
{
    private static readonly Lazy<bool> Loaded = new(Load);

    /// <summary>Loads libtorch and the kernels; call once at the start of a program.</summary>
    /// <exception cref="TorchException">libtorch is missing or cannot be loaded; says the way out.</exception>
    public static void Initialize() => _ = Loaded.Value;

    /// <summary>Version of libtorch, such as 2.10.0.</summary>
    public static string Version => string.Join('.', __version__.Split('.').Take(3));

    /// <summary>Tensors that managed code holds: 0 when everything was freed.</summary>
    public static long LiveTensors => Tensor.TotalCount;

    /// <summary>CPU threads of one operator called from this thread.</summary>
    public static int Threads
    {
        get => get_num_threads();
        set => set_num_threads(value);
    }

    /// <summary>What the native library offers on this machine, or why there is none.</summary>
    public static string Kernels => SmtWeb.Torch.Kernels.State;

    private static bool Load()
    {
        try
        {
            // first the kernels: they set how glibc keeps memory
            _ = Kernels;
            InitializeDeviceType(DeviceType.CPU);
            KeptScalars.Bind();
            return true;
        }
        catch (Exception e) when (e is NotSupportedException or DllNotFoundException or TypeInitializationException)
        {
            throw new TorchException(LoadFailure.Explain(AppContext.BaseDirectory, Reason(e)), e);
        }
    }

    // TorchSharp tells a missing package whatever the loader said; asking the loader itself tells the cause.
    private static string Reason(Exception e)
    {
        try
        {
            NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so"));
            return e.Message;
        }
        catch (DllNotFoundException cause)
        {
            return cause.Message;
        }
    }
}
