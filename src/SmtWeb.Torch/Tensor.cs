using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

/// <summary>
/// An n-dimensional array of libtorch. A tensor belongs to the innermost <see cref="DisposeScope"/> in which it was
/// made, or to whoever disposes it. Methods carry PyTorch's names; a trailing underscore works in place.
/// </summary>
public sealed partial class Tensor : SafeHandle
{
    internal Tensor(nint raw) : base(0, ownsHandle: true)
    {
        SetHandle(raw);
        DisposeScope.Track(this);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    internal nint Raw
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsClosed ? throw new ObjectDisposedException(nameof(Tensor), "The tensor was freed, by its scope or by Dispose.") : handle;
    }

    /// <summary>Number of elements.</summary>
    public long Count => Keep(Native.smt_tensor_count(Raw));

    /// <summary>Number of dimensions.</summary>
    public int Dimensions => Keep(Native.smt_tensor_dimensions(Raw));

    /// <summary>Sizes.</summary>
    public long[] Shape => Keep(Shapes.Of(Raw));

    /// <summary>Strides in elements.</summary>
    public unsafe long[] Strides
    {
        get
        {
            var strides = new long[Dimensions];
            fixed (long* p = strides) Native.smt_tensor_strides(Raw, p);
            return Keep(strides);
        }
    }

    /// <summary>Element type.</summary>
    public ScalarType ScalarType => Keep((ScalarType)Native.smt_tensor_dtype(Raw));

    /// <summary>Where it lives.</summary>
    public unsafe Device Device
    {
        get
        {
            int index;
            var type = (DeviceType)Native.smt_tensor_device(Raw, &index);
            return Keep(new Device(type, index));
        }
    }

    /// <summary>Size of one dimension; negative counts from the end.</summary>
    public long Size(int dimension)
    {
        var s = Shape;
        return s[dimension < 0 ? dimension + s.Length : dimension];
    }

    /// <summary>The value of a one-element tensor. Waits for the device.</summary>
    public unsafe double ToDouble()
    {
        double value;
        Native.Check(Native.smt_tensor_item(Raw, &value), "item");
        return Keep(value);
    }

    /// <summary>The elements, row-major. <typeparamref name="T"/> must match the element type.</summary>
    public unsafe T[] ToArray<T>() where T : unmanaged
    {
        var expected = torch.TypeOf<T>();
        if (ScalarType != expected) throw new TorchException($"ToArray<{typeof(T).Name}> of a {ScalarType} tensor; convert it with to(ScalarType.{expected}).");
        var data = new T[Count];
        fixed (T* p = data) Native.Check(Native.smt_tensor_to_host(Raw, p, (long)data.Length * sizeof(T)), "copy to host");
        return Keep(data);
    }

    /// <summary>The raw bytes of the elements, row-major, for any element type.</summary>
    public unsafe byte[] ToBytes()
    {
        var data = new byte[Count * torch.SizeOf(ScalarType)];
        fixed (byte* p = data) Native.Check(Native.smt_tensor_to_host(Raw, p, data.Length), "copy to host");
        return Keep(data);
    }

    /// <summary>Whether autograd follows it.</summary>
    public bool RequiresGrad
    {
        get => Keep(Native.smt_requires_grad(Raw) != 0);
        set => Native.Check(Native.smt_set_requires_grad(Raw, value ? 1 : 0), "requires_grad");
    }

    /// <summary>The accumulated gradient, or null. Assigning makes later backward passes add into that tensor in place.</summary>
    public Tensor? Grad
    {
        get
        {
            var g = Native.smt_grad(Raw);
            if (g == 0 && Native.LastError is { Length: > 0 } error) throw new TorchException($"grad: {error}");
            return g == 0 ? null : new Tensor(g);
        }
        set
        {
            Native.Check(Native.smt_set_grad(Raw, value?.Raw ?? 0), "set grad");
            GC.KeepAlive(value);
        }
    }

    /// <summary>Accumulates the gradient of this one-element tensor into the leaves.</summary>
    public void backward(bool retainGraph = false) => torch.backward([this], null, retainGraph);

    /// <summary>Another handle on the same tensor, tracked by the current scope.</summary>
    public Tensor alias() => Keep(new Tensor(Native.Check(Native.smt_tensor_alias(Raw), "alias")));

    /// <summary>Takes it out of every scope: its owner frees it.</summary>
    public Tensor DetachFromScope() => DisposeScope.Release(this);

    /// <summary><c>Float32[64,3,32,32]</c>.</summary>
    public override string ToString() => IsClosed ? "freed tensor" : Keep(Shapes.Describe(Raw));

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Native.smt_tensor_free(handle);
        return true;
    }

    // The collector must not free the tensor while native code reads it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Keep<T>(T result)
    {
        GC.KeepAlive(this);
        return result;
    }
}
