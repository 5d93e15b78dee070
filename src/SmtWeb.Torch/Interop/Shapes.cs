namespace SmtWeb.Torch.Interop;

/// <summary>Shapes of raw handles.</summary>
internal static unsafe class Shapes
{
    internal static long[] Of(nint raw)
    {
        var sizes = new long[Native.smt_tensor_dimensions(raw)];
        fixed (long* p = sizes) Native.smt_tensor_sizes(raw, p);
        return sizes;
    }

    /// <summary><c>Float32[64,3,32,32]</c>.</summary>
    internal static string Describe(nint raw) => $"{(ScalarType)Native.smt_tensor_dtype(raw)}[{string.Join(',', Of(raw))}]";
}
