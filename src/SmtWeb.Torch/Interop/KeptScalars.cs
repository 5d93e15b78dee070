using System.Runtime.InteropServices;
using TorchSharp;

namespace SmtWeb.Torch;

/// <summary>
/// Numbers live as long as libtorch reads them. TorchSharp makes a <c>Scalar</c> with a finalizer of every factor, and of every
/// <c>a + b</c>, and hands its pointer on without keeping the object: a collection in that moment frees what the operator reads. Its
/// import that frees one is bound to a function of ours, which frees with a delay (src/native/runtime.cpp).
/// </summary>
internal static unsafe partial class KeptScalars
{
    private const string Import = "THSTorch_dispose_scalar";

    private static int _binding; // the thread whose import is bound to ours at this moment

    /// <summary>Numbers that came to be kept so far; 0 where there is no native library.</summary>
    internal static ulong GivenUp => Kernels.Present ? smt_scalars_given_up() : 0;

    /// <summary>Binds the import; before any other thread works with tensors.</summary>
    internal static void Bind()
    {
        if (!Kernels.Present)
        {
            return;
        }
        var sharp = NativeLibrary.Load("LibTorchSharp", typeof(torch).Assembly, null);
        smt_keep_scalars(NativeLibrary.GetExport(sharp, Import));
#pragma warning disable RS0030 // it is given to no operator
        Scalar first = 0.0;
#pragma warning restore RS0030
        NativeLibrary.SetDllImportResolver(
            typeof(torch).Assembly,
            (_, _, _) => Volatile.Read(ref _binding) == Environment.CurrentManagedThreadId ? Kernels.Handle : 0
        );
        // an import is bound by its first call
        Volatile.Write(ref _binding, Environment.CurrentManagedThreadId);
        first.Dispose();
        Volatile.Write(ref _binding, 0);
    }

    [LibraryImport("smtkernels")]
    private static partial void smt_keep_scalars(nint free);

    [LibraryImport("smtkernels")]
    private static partial ulong smt_scalars_given_up();
}
