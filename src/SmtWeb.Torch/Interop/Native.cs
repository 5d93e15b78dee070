using System.Runtime.InteropServices;

namespace SmtWeb.Torch.Interop;

/// <summary>The C ABI of src/native/smttorch.h, one to one. Nothing outside this folder calls it.</summary>
internal static unsafe partial class Native
{
    internal const string Library = "smttorch";

    [LibraryImport(Library)] internal static partial byte* smt_error();
    [LibraryImport(Library)] internal static partial byte* smt_version();
    [LibraryImport(Library)] internal static partial long smt_live_tensors();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint smt_operator_find(string name, string overload);
    [LibraryImport(Library)] internal static partial byte* smt_operator_schema(nint op);
    [LibraryImport(Library)] internal static partial int smt_call(nint op, Value* arguments, int n, nint* results, int capacity);

    [LibraryImport(Library)] internal static partial void smt_tensor_free(nint t);
    [LibraryImport(Library)] internal static partial nint smt_tensor_alias(nint t);
    [LibraryImport(Library)] internal static partial nint smt_tensor_from_host(void* data, long* sizes, int dimensions, int dtype);
    [LibraryImport(Library)] internal static partial int smt_tensor_to_host(nint t, void* data, long bytes);
    [LibraryImport(Library)] internal static partial int smt_tensor_dimensions(nint t);
    [LibraryImport(Library)] internal static partial void smt_tensor_sizes(nint t, long* sizes);
    [LibraryImport(Library)] internal static partial void smt_tensor_strides(nint t, long* strides);
    [LibraryImport(Library)] internal static partial long smt_tensor_count(nint t);
    [LibraryImport(Library)] internal static partial int smt_tensor_dtype(nint t);
    [LibraryImport(Library)] internal static partial int smt_tensor_device(nint t, int* index);
    [LibraryImport(Library)] internal static partial int smt_tensor_item(nint t, double* value);

    [LibraryImport(Library)] internal static partial int smt_requires_grad(nint t);
    [LibraryImport(Library)] internal static partial int smt_set_requires_grad(nint t, int value);
    [LibraryImport(Library)] internal static partial nint smt_grad(nint t);
    [LibraryImport(Library)] internal static partial int smt_set_grad(nint t, nint g);
    [LibraryImport(Library)] internal static partial int smt_backward(nint* roots, nint* gradients, int n, int retainGraph);
    [LibraryImport(Library)]
    internal static partial int smt_autograd_grad(
        nint* roots, nint* gradients, int n, nint* inputs, int m, int retainGraph, int createGraph, nint* results);
    [LibraryImport(Library)] internal static partial int smt_grad_enabled();
    [LibraryImport(Library)] internal static partial int smt_set_grad_enabled(int enabled);
    [LibraryImport(Library)] internal static partial int smt_set_thread_share(int n);
    [LibraryImport(Library)]
    internal static partial nint smt_join_rows(nint* results, nint* originals, nint* halves, int m, nint* parameters, int p);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint smt_generator_new(string device, ulong seed);
    [LibraryImport(Library)] internal static partial void smt_generator_free(nint g);
    [LibraryImport(Library)] internal static partial int smt_generator_seed(nint g, ulong seed);
    [LibraryImport(Library)] internal static partial nint smt_generator_state(nint g);
    [LibraryImport(Library)] internal static partial int smt_generator_set_state(nint g, nint state);

    [LibraryImport(Library)] internal static partial int smt_set_threads(int n);
    [LibraryImport(Library)] internal static partial int smt_threads();
    [LibraryImport(Library)] internal static partial int smt_cuda_devices();
    [LibraryImport(Library)] internal static partial int smt_cuda_synchronize();
    [LibraryImport(Library)] internal static partial int smt_cuda_fast_math(int on);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int smt_process_group_has(string backend);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint smt_store_new(string host, int port, int serve, long timeoutMilliseconds);
    [LibraryImport(Library)] internal static partial int smt_store_port(nint store);
    [LibraryImport(Library)] internal static partial void smt_store_free(nint store);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint smt_process_group_new(string backend, nint store, string host, int rank, int size, long timeoutMilliseconds);
    [LibraryImport(Library)] internal static partial void smt_process_group_free(nint group);
    [LibraryImport(Library)] internal static partial int smt_all_reduce(nint group, nint t);
    [LibraryImport(Library)] internal static partial int smt_broadcast(nint group, nint t, int root);
    [LibraryImport(Library)]
    internal static partial nint smt_reducer_new(nint group, nint flat, nint* parameters, long* bucketOf, int n, long* starts, long* lengths, int buckets);
    [LibraryImport(Library)] internal static partial int smt_reducer_arm(nint reducer);
    [LibraryImport(Library)] internal static partial int smt_reducer_finish(nint reducer);
    [LibraryImport(Library)] internal static partial void smt_reducer_free(nint reducer);

    static Native() => LibTorch.Register();

    /// <summary>The text of the last error on this thread.</summary>
    internal static string LastError => Marshal.PtrToStringUTF8((nint)smt_error()) ?? "";

    /// <summary>Throws when a status says so: the one way from a native status to an exception.</summary>
    internal static void Check(int status, string what)
    {
        if (status < 0) throw new TorchException($"{what}: {LastError}");
    }

    /// <summary>Throws when a handle is null.</summary>
    internal static nint Check(nint handle, string what) => handle != 0 ? handle : throw new TorchException($"{what}: {LastError}");
}
