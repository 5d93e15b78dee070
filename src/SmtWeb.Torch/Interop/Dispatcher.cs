using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Any operator of libtorch by its schema name, through the stable C ABI that libtorch_cpu exports, for the few that TorchSharp does not
/// bind. Every argument of the schema must be given, in order; the results stand where the first arguments stood.
/// </summary>
public static unsafe partial class Dispatcher
{
    private const string Library = "torch_cpu";

    private static readonly ulong Version = aoti_torch_abi_version();

    /// <summary>
    /// The tensor in NHWC order under NCHW sizes, itself where it lies so already. TorchSharp has no memory formats.
    /// </summary>
    public static Tensor channels_last(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var result = Tensor.UnsafeCreateTensor(ChannelsLast(tensor.Handle));
        GC.KeepAlive(tensor);
        return result;
    }

    /// <summary>The same on handles; the caller owns the result.</summary>
    internal static nint ChannelsLast(nint tensor)
    {
        Span<ulong> stack = [(ulong)LibTorch.Share(tensor), 2];
        Call("aten::contiguous", "", stack);
        return (nint)stack[0];
    }

    /// <summary>Row-major, itself where it is so already; the caller owns the result.</summary>
    internal static nint RowMajor(nint tensor)
    {
        Span<ulong> stack = [(ulong)LibTorch.Share(tensor), 0];
        Call("aten::contiguous", "", stack);
        return (nint)stack[0];
    }

    /// <summary>
    /// One step of AdamW in place for lists of tensors, as the fused CUDA kernel does it: everything stays on the device, the
    /// gradients are divided by <paramref name="gradScale"/> and nothing changes where <paramref name="foundInf"/> is not 0.
    /// </summary>
    public static void fused_adamw_(
        Tensor values,
        Tensor gradients,
        Tensor first,
        Tensor second,
        Tensor steps,
        double rate,
        double beta1,
        double beta2,
        double weightDecay,
        double eps,
        Tensor gradScale,
        Tensor foundInf
    )
    {
        Span<ulong> stack =
        [
            List(values),
            List(gradients),
            List(first),
            List(second),
            List(),
            List(steps),
            Argument(rate),
            Argument(beta1),
            Argument(beta2),
            Argument(weightDecay),
            Argument(eps),
            0,
            0,
            Optional(gradScale),
            Optional(foundInf),
        ];
        Call("aten::_fused_adamw_", "", stack);
        GC.KeepAlive(values);
        GC.KeepAlive(gradients);
    }

    // Arguments are consumed by the call: a copy of the handle, not of the data.
    private static ulong Argument(Tensor tensor)
    {
        var copy = LibTorch.Share(tensor.Handle);
        GC.KeepAlive(tensor);
        return (ulong)copy;
    }

    private static ulong Argument(double value) => BitConverter.DoubleToUInt64Bits(value);

    // an optional argument is a pointer to a value on the heap that the call takes over
    private static ulong Optional(Tensor tensor)
    {
        var box = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *box = Argument(tensor);
        return (ulong)box;
    }

    private static ulong List(params ReadOnlySpan<Tensor> tensors)
    {
        nint list;
        LibTorch.Check(torch_new_list_reserve_size((nuint)tensors.Length, &list), "a list");
        foreach (var t in tensors)
        {
            LibTorch.Check(torch_list_push_back(list, Argument(t)), "a list");
        }
        return (ulong)list;
    }

    private static void Call(string name, string overload, Span<ulong> stack)
    {
        fixed (ulong* s = stack)
        {
            LibTorch.Check(torch_call_dispatcher(name, overload, s, Version), name);
        }
    }

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int torch_call_dispatcher(string name, string overload, ulong* stack, ulong version);

    [LibraryImport(Library)]
    private static partial ulong aoti_torch_abi_version();

    [LibraryImport(Library)]
    private static partial int torch_new_list_reserve_size(nuint size, nint* list);

    [LibraryImport(Library)]
    private static partial int torch_list_push_back(nint list, ulong value);
}
