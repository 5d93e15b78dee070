using System.Runtime.InteropServices;

namespace SmtWeb.Torch.Interop;

/// <summary>
/// An operator argument: smt_value of smttorch.h. Holds raw pointers, so whoever builds one keeps the objects alive
/// until the call has returned.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal readonly unsafe struct Value
{
    [FieldOffset(0)] internal readonly Tag Kind;
    [FieldOffset(4)] internal readonly int Count;
    [FieldOffset(8)] internal readonly long Integer;
    [FieldOffset(8)] internal readonly double Real;
    [FieldOffset(8)] internal readonly void* Pointer;

    internal enum Tag { None, Tensor, Int, Double, Bool, IntList, TensorList, Default, OptionalTensorList, DoubleList, String, Device, Generator }

    private Value(Tag kind, long integer) { Kind = kind; Integer = integer; }
    private Value(double real) { Kind = Tag.Double; Real = real; }
    internal Value(Tag kind, void* pointer, int count) { Kind = kind; Pointer = pointer; Count = count; }

    internal static Value None => default;
    internal static Value Default => new(Tag.Default, 0);

    internal static Value IntList(long* p, int n) => new(Tag.IntList, p, n);

    public static implicit operator Value(Tensor? t) => t is null ? None : new(Tag.Tensor, (void*)t.Raw, 0);
    public static implicit operator Value(Generator? g) => g is null ? None : new(Tag.Generator, (void*)g.Raw, 0);
    public static implicit operator Value(Device d) => new(Tag.Device, DeviceName(d), 0);
    public static implicit operator Value(ScalarType? t) => t is { } some ? (Value)some : None;
    public static implicit operator Value(long i) => new(Tag.Int, i);
    public static implicit operator Value(int i) => new(Tag.Int, (long)i);
    public static implicit operator Value(double d) => new(d);
    public static implicit operator Value(bool b) => new(Tag.Bool, b ? 1L : 0L);
    public static implicit operator Value(ScalarType t) => new(Tag.Int, (long)t);
    public static implicit operator Value(MemoryFormat f) => new(Tag.Int, (long)f);

    // Names of devices stay for good: there are few, and an argument needs a pointer that does not move.
    private static readonly nint CpuName = Marshal.StringToCoTaskMemUTF8("cpu");
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<int, nint> CudaNames = new();

    private static void* DeviceName(Device d) => (void*)(d.Type == DeviceType.Cpu
        ? CpuName
        : CudaNames.GetOrAdd(Math.Max(d.Index, 0), static k => Marshal.StringToCoTaskMemUTF8($"cuda:{k}")));
}
