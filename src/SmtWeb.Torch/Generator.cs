using System.Runtime.InteropServices;
using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

/// <summary>A random number generator of a device. Randomness is a parameter here, never hidden.</summary>
public sealed class Generator : SafeHandle
{
    /// <summary>A generator on <paramref name="device"/> that starts at <paramref name="seed"/>.</summary>
    public Generator(ulong seed, Device device) : base(0, ownsHandle: true)
    {
        Device = device;
        SetHandle(Native.Check(Native.smt_generator_new(device.ToString(), seed), "generator"));
    }

    /// <summary>Where its numbers are drawn.</summary>
    public Device Device { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    internal nint Raw => IsClosed ? throw new ObjectDisposedException(nameof(Generator)) : handle;

    /// <summary>Starts again at <paramref name="seed"/>.</summary>
    public Generator ManualSeed(ulong seed)
    {
        Native.Check(Native.smt_generator_seed(Raw, seed), "generator seed");
        return this;
    }

    /// <summary>The whole state, to be stored with a checkpoint.</summary>
    public byte[] GetState()
    {
        using var t = new Tensor(Native.Check(Native.smt_generator_state(Raw), "generator state"));
        return t.ToArray<byte>();
    }

    /// <summary>Goes on exactly where <see cref="GetState"/> was called.</summary>
    public void SetState(ReadOnlySpan<byte> state)
    {
        using var t = torch.tensor(state, [state.Length]);
        Native.Check(Native.smt_generator_set_state(Raw, t.Raw), "generator state");
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Native.smt_generator_free(handle);
        return true;
    }
}
