using System.Runtime.InteropServices;
using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

#pragma warning disable CS8981 // lower case on purpose: .NET and Python users know these names
/// <summary>Creation of tensors, functions of several tensors, and settings of the library, under PyTorch's names.</summary>
public static partial class torch
{
    private static readonly Lazy<bool> Checked = new(() =>
    {
        Operators.Verify();
        return true;
    });

    /// <summary>Version of the libtorch the shim was built for, e.g. 1.13.0.</summary>
    public static unsafe string Version => Marshal.PtrToStringUTF8((nint)Native.smt_version()) ?? "";

    /// <summary>Tensors alive in this process: 0 when everything was freed.</summary>
    public static long LiveTensors => Native.smt_live_tensors();

    /// <summary>
    /// Loads libtorch and compares every operator used with its schema; call once at the start of a program.
    /// </summary>
    /// <exception cref="TorchException">libtorch is missing or of a version that does not fit; says the way out.</exception>
    public static void Initialize() => _ = Checked.Value;

    /// <summary>Opens a scope that frees every tensor made in it.</summary>
    public static DisposeScope NewDisposeScope() => new(true);

    /// <summary>Switches gradient recording off on this thread until disposed.</summary>
    public static GradMode no_grad() => new(false);

    /// <summary>CPU threads of one operator.</summary>
    public static int Threads
    {
        get => Native.smt_threads();
        set => Native.Check(Native.smt_set_threads(value), "threads");
    }

    /// <summary>A tensor of the given host data.</summary>
    public static unsafe Tensor tensor<T>(ReadOnlySpan<T> data, ReadOnlySpan<long> shape, Device? device = null) where T : unmanaged
    {
        fixed (T* p = data) return FromHost(p, data.Length, TypeOf<T>(), shape, device);
    }

    /// <summary>A tensor of the given host data.</summary>
    public static Tensor tensor<T>(T[] data, ReadOnlySpan<long> shape, Device? device = null) where T : unmanaged => tensor((ReadOnlySpan<T>)data, shape, device);

    /// <summary>A tensor of raw row-major bytes.</summary>
    public static unsafe Tensor from_bytes(ReadOnlySpan<byte> data, ScalarType type, ReadOnlySpan<long> shape, Device? device = null)
    {
        fixed (byte* p = data) return FromHost(p, data.Length / SizeOf(type), type, shape, device);
    }

    private static unsafe Tensor FromHost(void* data, long count, ScalarType type, ReadOnlySpan<long> shape, Device? device)
    {
        long expected = 1;
        foreach (var s in shape) expected *= s;
        if (expected != count) throw new ArgumentException($"Shape [{string.Join(',', shape.ToArray())}] has {expected} elements, the data {count}.");
        nint raw;
        fixed (long* s = shape) raw = Native.Check(Native.smt_tensor_from_host(data, s, shape.Length, (int)type), "tensor");
        var t = new Tensor(raw);
        return device is { Type: not DeviceType.Cpu } d ? t.to(d) : t;
    }

#pragma warning disable CS1591 // the operator's name is its documentation
    public static unsafe Tensor empty(ReadOnlySpan<long> shape, ScalarType type = ScalarType.Float32, Device? device = null) { fixed (long* s = shape) return Operators.Empty.Call([Value.IntList(s, shape.Length), type, Value.None, device ?? Device.Cpu]); }
    public static unsafe Tensor zeros(ReadOnlySpan<long> shape, ScalarType type = ScalarType.Float32, Device? device = null) { fixed (long* s = shape) return Operators.Zeros.Call([Value.IntList(s, shape.Length), type, Value.None, device ?? Device.Cpu]); }
    public static unsafe Tensor full(ReadOnlySpan<long> shape, double value, ScalarType type = ScalarType.Float32, Device? device = null) { fixed (long* s = shape) return Operators.Full.Call([Value.IntList(s, shape.Length), value, type, Value.None, device ?? Device.Cpu]); }
    public static Tensor ones(ReadOnlySpan<long> shape, ScalarType type = ScalarType.Float32, Device? device = null) => full(shape, 1, type, device);
    public static Tensor arange(double end, ScalarType type = ScalarType.Float32, Device? device = null) => Operators.ARange.Call([0.0, end, 1.0, type, Value.None, device ?? Device.Cpu]);
    public static unsafe Tensor randn(ReadOnlySpan<long> shape, Generator generator, ScalarType type = ScalarType.Float32) { fixed (long* s = shape) { var r = Operators.RandN.Call([Value.IntList(s, shape.Length), generator, type, Value.None, generator.Device]); GC.KeepAlive(generator); return r; } }
    public static unsafe Tensor rand(ReadOnlySpan<long> shape, Generator generator, ScalarType type = ScalarType.Float32) { fixed (long* s = shape) { var r = Operators.Rand.Call([Value.IntList(s, shape.Length), generator, type, Value.None, generator.Device]); GC.KeepAlive(generator); return r; } }
    public static unsafe Tensor randint(long high, ReadOnlySpan<long> shape, Generator generator) { fixed (long* s = shape) { var r = Operators.RandInt.Call([high, Value.IntList(s, shape.Length), generator, ScalarType.Int64, Value.None, generator.Device]); GC.KeepAlive(generator); return r; } }
    public static Tensor where(Tensor condition, Tensor a, Tensor b) { var r = Operators.Where.Call([condition, a, b]); GC.KeepAlive(condition); GC.KeepAlive(a); GC.KeepAlive(b); return r; }
    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => OfList(Operators.Cat, tensors, dim);
    public static Tensor stack(ReadOnlySpan<Tensor> tensors, long dim = 0) => OfList(Operators.Stack, tensors, dim);
#pragma warning restore CS1591

    private static unsafe Tensor OfList(Operator op, ReadOnlySpan<Tensor> tensors, long dim)
    {
        Span<nint> raw = stackalloc nint[tensors.Length];
        for (var k = 0; k < raw.Length; k++) raw[k] = tensors[k].Raw;
        Tensor result;
        fixed (nint* p = raw) result = op.Call([new Value(Value.Tag.TensorList, p, raw.Length), dim]);
        foreach (var t in tensors) GC.KeepAlive(t);
        return result;
    }

    /// <summary>Accumulates d(Σ roots·gradients) into the leaves; a null gradient means 1.</summary>
    public static unsafe void backward(ReadOnlySpan<Tensor> roots, Tensor?[]? gradients = null, bool retainGraph = false)
    {
        Span<nint> r = stackalloc nint[roots.Length], g = stackalloc nint[roots.Length];
        for (var k = 0; k < roots.Length; k++)
        {
            r[k] = roots[k].Raw;
            g[k] = gradients?[k]?.Raw ?? 0;
        }
        fixed (nint* rp = r) fixed (nint* gp = g)
            Native.Check(Native.smt_backward(rp, gp, roots.Length, retainGraph ? 1 : 0), "backward");
        foreach (var t in roots) GC.KeepAlive(t);
        GC.KeepAlive(gradients);
    }

    /// <summary>Gradients of Σ roots·gradients with respect to <paramref name="inputs"/>; null where one is not used.</summary>
    public static unsafe Tensor?[] grad(ReadOnlySpan<Tensor> roots, Tensor?[]? gradients, ReadOnlySpan<Tensor> inputs, bool retainGraph = false, bool createGraph = false)
    {
        Span<nint> r = stackalloc nint[roots.Length], g = stackalloc nint[roots.Length], i = stackalloc nint[inputs.Length], o = stackalloc nint[inputs.Length];
        for (var k = 0; k < roots.Length; k++)
        {
            r[k] = roots[k].Raw;
            g[k] = gradients?[k]?.Raw ?? 0;
        }
        for (var k = 0; k < inputs.Length; k++) i[k] = inputs[k].Raw;
        fixed (nint* rp = r) fixed (nint* gp = g) fixed (nint* ip = i) fixed (nint* op = o)
            Native.Check(Native.smt_autograd_grad(rp, gp, roots.Length, ip, inputs.Length, retainGraph ? 1 : 0, createGraph ? 1 : 0, op), "autograd.grad");
        var result = new Tensor?[inputs.Length];
        for (var k = 0; k < result.Length; k++) result[k] = o[k] == 0 ? null : new Tensor(o[k]);
        foreach (var t in roots) GC.KeepAlive(t);
        foreach (var t in inputs) GC.KeepAlive(t);
        GC.KeepAlive(gradients);
        return result;
    }

    /// <summary>GPUs that libtorch sees.</summary>
    public static int CudaDevices => Native.smt_cuda_devices();

    /// <summary>Waits until the GPU has done all it was given.</summary>
    public static void CudaSynchronize() => Native.Check(Native.smt_cuda_synchronize(), "synchronize");

    /// <summary>Lets cuDNN choose the fastest algorithm per shape and matrix products use TF32.</summary>
    public static void CudaFastMath(bool on) => Native.Check(Native.smt_cuda_fast_math(on ? 1 : 0), "fast math");

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(ScalarType type) => type switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        ScalarType.Int64 or ScalarType.Float64 => 8,
    };

    internal static ScalarType TypeOf<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? ScalarType.Float32
        : typeof(T) == typeof(double) ? ScalarType.Float64
        : typeof(T) == typeof(long) ? ScalarType.Int64
        : typeof(T) == typeof(int) ? ScalarType.Int32
        : typeof(T) == typeof(byte) ? ScalarType.Byte
        : typeof(T) == typeof(sbyte) ? ScalarType.Int8
        : typeof(T) == typeof(bool) ? ScalarType.Bool
        : throw new ArgumentException($"No tensor element type for {typeof(T).Name}.");
}

/// <summary>Restores the thread's gradient mode when disposed.</summary>
public readonly ref struct GradMode
{
    private readonly int previous;

    /// <summary>Whether this thread records what a backward pass needs.</summary>
    public static bool IsEnabled => Native.smt_grad_enabled() != 0;

    internal GradMode(bool enabled) => previous = Native.smt_set_grad_enabled(enabled ? 1 : 0);

    /// <summary>Restores the mode.</summary>
    public void Dispose() => Native.smt_set_grad_enabled(previous);
}
