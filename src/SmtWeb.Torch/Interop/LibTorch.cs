using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SmtWeb.Torch;

/// <summary>
/// libtorch by handles (<c>at::Tensor*</c>), through its stable C ABI and a few functions of TorchSharp's library. An operator of ours that
/// is called a hundred times a step cannot pay for a managed tensor with a finalizer, and a place in a scope, for each thing it asks or
/// takes.
/// </summary>
internal static unsafe partial class LibTorch
{
    internal const int Float32 = 6,
        BFloat16 = 15,
        Cpu = 0;

    private const string Library = "torch_cpu";
    private const string Sharp = "LibTorchSharp";

    /// <summary>Where the first element lies.</summary>
    internal static void* Data(nint tensor)
    {
        void* data;
        Check(aoti_torch_get_data_ptr(tensor, &data), "where a tensor lies");
        return data;
    }

    /// <summary>An uninitialised tensor on the CPU; the caller owns it.</summary>
    internal static nint Strided(ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, int type)
    {
        nint tensor;
        fixed (long* s = sizes)
        fixed (long* t = strides)
        {
            Check(aoti_torch_empty_strided(sizes.Length, s, t, type, Cpu, 0, &tensor), "memory for a tensor");
        }
        return tensor;
    }

    /// <summary>An uninitialised vector.</summary>
    internal static nint Empty(long length, int type) => Strided([length], [1], type);

    /// <summary>An uninitialised matrix.</summary>
    internal static nint Empty(long rows, long columns, int type) => Strided([rows, columns], [columns, 1], type);

    /// <summary>An uninitialised image [N,C,H,W] in channels-last order.</summary>
    internal static nint EmptyImage(long n, long c, long h, long w, int type) => Strided([n, c, h, w], [h * w * c, 1, w * c, c], type);

    /// <summary>An uninitialised tensor of the same sizes and strides; those must be dense.</summary>
    internal static nint EmptyLike(in TensorInfo t) => Strided(new(t.Sizes, t.Dimensions), new(t.Strides, t.Dimensions), t.Type);

    /// <summary>A view of a tensor's memory, from so many elements behind its first on, without history; the caller owns it.</summary>
    internal static nint View(nint tensor, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, long from = 0)
    {
        nint view;
        long offset;
        fixed (long* s = sizes)
        fixed (long* t = strides)
        {
            Check(aoti_torch_get_storage_offset(tensor, &offset), "a view");
            Check(aoti_torch__reinterpret_tensor(tensor, sizes.Length, s, t, offset + from, &view), "a view");
        }
        return view;
    }

    /// <summary>Two tensors on the CPU, one behind the other along the first dimension; the caller owns the result.</summary>
    internal static nint Cat(nint first, nint second)
    {
        nint* both = stackalloc nint[] { first, second };
        nint result;
        Check(aoti_torch_cpu_cat(both, 2, 0, &result), "cat");
        return result;
    }

    /// <summary>The sum of two tensors on the CPU; the caller owns the result.</summary>
    internal static nint Add(nint first, nint second)
    {
        nint result;
        Check(aoti_torch_cpu_add_Tensor(first, second, 1, &result), "add");
        return result;
    }

    /// <summary>Another handle on the same tensor; the caller owns it.</summary>
    internal static nint Share(nint tensor)
    {
        nint copy;
        Check(aoti_torch_new_tensor_handle(tensor, &copy), "a handle");
        return copy;
    }

    /// <summary>Frees a handle; 0 is none.</summary>
    internal static void Free(nint tensor)
    {
        if (tensor != 0)
        {
            aoti_torch_delete_tensor_object(tensor);
        }
    }

    /// <summary>Frees the handle in a field.</summary>
    internal static void Free(ref nint tensor)
    {
        Free(tensor);
        tensor = 0;
    }

    /// <summary>Whether operators on this thread record their history.</summary>
    internal static bool GradMode => aoti_torch_grad_mode_is_enabled() != 0;

    /// <summary>Whether autograd follows the tensor.</summary>
    internal static bool RequiresGrad(nint tensor) => THSTensor_requires_grad(tensor) != 0;

    /// <summary>Makes autograd follow the leaf from now on, or not.</summary>
    internal static void SetRequiresGrad(nint tensor, bool value) => THSTensor_set_requires_grad(tensor, value ? (byte)1 : (byte)0);

    /// <summary>Threads that an operator called from this thread may use.</summary>
    internal static int Threads => THSTorch_get_num_threads();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(int status, string what)
    {
        if (status != 0)
        {
            Refused(what);
        }
    }

    private static void Refused(string what) => throw new TorchException($"libtorch refused {what}; its words are on the error output.");

    // Short questions that never wait and never call back: the runtime need not leave its mode for them.
    [LibraryImport(Library), SuppressGCTransition]
    private static partial int aoti_torch_get_data_ptr(nint tensor, void** data);

    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int aoti_torch_get_dim(nint tensor, long* dimensions);

    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int aoti_torch_get_sizes(nint tensor, long** sizes);

    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int aoti_torch_get_strides(nint tensor, long** strides);

    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int aoti_torch_get_dtype(nint tensor, int* type);

    [LibraryImport(Library), SuppressGCTransition]
    internal static partial int aoti_torch_get_device_type(nint tensor, int* device);

    [LibraryImport(Library), SuppressGCTransition]
    private static partial byte aoti_torch_grad_mode_is_enabled();

    [LibraryImport(Library), SuppressGCTransition]
    private static partial int aoti_torch_new_tensor_handle(nint tensor, nint* copy);

    [LibraryImport(Sharp), SuppressGCTransition]
    private static partial byte THSTensor_requires_grad(nint tensor);

    [LibraryImport(Sharp), SuppressGCTransition]
    private static partial void THSTensor_set_requires_grad(nint tensor, byte value);

    [LibraryImport(Sharp), SuppressGCTransition]
    private static partial int THSTorch_get_num_threads();

    [LibraryImport(Library), SuppressGCTransition]
    private static partial int aoti_torch_get_storage_offset(nint tensor, long* offset);

    [LibraryImport(Library)]
    private static partial int aoti_torch__reinterpret_tensor(
        nint tensor,
        long dimensions,
        long* sizes,
        long* strides,
        long offset,
        nint* view
    );

    [LibraryImport(Library)]
    private static partial int aoti_torch_cpu_cat(nint* tensors, long count, long dimension, nint* result);

    [LibraryImport(Library)]
    private static partial int aoti_torch_cpu_add_Tensor(nint first, nint second, double alpha, nint* result);

    [LibraryImport(Library)]
    private static partial int aoti_torch_delete_tensor_object(nint tensor);

    [LibraryImport(Library)]
    private static partial int aoti_torch_empty_strided(
        long dimensions,
        long* sizes,
        long* strides,
        int type,
        int device,
        int index,
        nint* tensor
    );
}
