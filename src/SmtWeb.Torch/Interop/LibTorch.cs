using System.Reflection;
using System.Runtime.InteropServices;

namespace SmtWeb.Torch.Interop;

/// <summary>Finds and loads the shim, and with it libtorch.</summary>
internal static class LibTorch
{
    private static int registered;

    internal static void Register()
    {
        if (Interlocked.Exchange(ref registered, 1) == 0)
            NativeLibrary.SetDllImportResolver(typeof(LibTorch).Assembly, Resolve);
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Native.Library) return 0;
        var beside = Path.Combine(AppContext.BaseDirectory, "libsmttorch.so");
        var file = Environment.GetEnvironmentVariable("SMTWEB_NATIVE") is { Length: > 0 } chosen ? chosen : beside;
        if (!File.Exists(file))
            throw new TorchException($"The native library {file} is missing. Build it with src/native/build.sh FOLDER (dotnet build does), or point SMTWEB_NATIVE at it.");
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (DllNotFoundException e)
        {
            throw new TorchException(
                $"libtorch could not be loaded for {file}. Probable causes: libtorch is not installed (apt-get install libtorch-dev); "
                + $"the shim was built against another libtorch version (delete artifacts/native and build again); a library it needs is missing (see: ldd {file}). "
                + $"The loader says: {e.Message}", e);
        }
    }
}
