using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Backward passes whose errors arrive. TorchSharp's <c>autograd.grad</c> lets C++ exceptions through its C functions, which ends the
/// process, and neither it nor <c>backward</c> can tell what went wrong in an operator of ours.
/// </summary>
public static unsafe partial class Autograd
{
    private static readonly nint Gradients = NativeLibrary.GetExport(
        NativeLibrary.Load("LibTorchSharp", typeof(Autograd).Assembly, null),
        "THSAutograd_grad"
    );

    [ThreadStatic]
    private static nint* _found;

    [ThreadStatic]
    private static int _room;

    /// <summary>Accumulates the gradient of the scalar <paramref name="loss"/> into the leaves.</summary>
    /// <exception cref="TorchException">An operator failed; says which and why.</exception>
    public static void Backward(Tensor loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        _ = FusedOperator.TakeFailure();
        try
        {
            loss.backward();
        }
        catch (ExternalException e)
        {
            throw Explained(e.Message, e);
        }
    }

    /// <summary>
    /// Gradients of a scalar, or of Σ root · seed, with respect to <paramref name="inputs"/>, as handles, which the caller owns; 0 where
    /// one is not used.
    /// </summary>
    internal static void Grad(nint root, nint seed, ReadOnlySpan<nint> inputs, Span<nint> gradients)
    {
        _ = FusedOperator.TakeFailure();
        if (_room < inputs.Length)
        {
            _found = (nint*)NativeMemory.Realloc(_found, (nuint)(inputs.Length * sizeof(nint)));
            _room = inputs.Length;
        }
        const int length = 2048;
        var error = stackalloc byte[length];
        fixed (nint* i = inputs)
        {
            var allocate = (nint)(delegate* unmanaged[Cdecl]<ulong, nint*>)&Allocate;
            var failed = 0;
            if (Kernels.Present)
            {
                failed = Kernels.smt_guarded_gradients(Gradients, &root, 1, i, inputs.Length, &seed, 1, 0, 0, 1, allocate, error, length);
            }
            else
            {
                ((delegate* unmanaged[Cdecl]<nint*, long, nint*, long, nint*, long, byte, byte, byte, nint, void>)Gradients)(
                    &root,
                    1,
                    i,
                    inputs.Length,
                    &seed,
                    1,
                    0,
                    0,
                    1,
                    allocate
                );
            }
            if (failed != 0)
            {
                throw Explained(Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(error)), null);
            }
        }
        new ReadOnlySpan<nint>(_found, inputs.Length).CopyTo(gradients);
    }

    private static TorchException Explained(string message, Exception? inner) =>
        FusedOperator.TakeFailure() is { } cause ? new($"The backward pass failed: {cause.Message}", cause)
        : inner is null ? new($"The backward pass failed: {message}")
        : new($"The backward pass failed: {message}", inner);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint* Allocate(ulong count) => count <= (ulong)_room ? _found : null;
}
