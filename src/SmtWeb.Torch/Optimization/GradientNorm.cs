using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// The norm of a step's gradients. On a CPU it is known at once; on a GPU it stays there as a tensor of the current scope, and
/// only reading its <see cref="Value"/> waits.
/// </summary>
public readonly struct GradientNorm
{
    private readonly double _known;
    private readonly Tensor? _onDevice;

    internal GradientNorm(double known) => (_known, _onDevice) = (known, null);

    internal GradientNorm(Tensor onDevice) => (_known, _onDevice) = (double.NaN, onDevice);

    /// <summary>Whether reading it waits for nothing.</summary>
    public bool IsKnown => _onDevice is null;

    /// <summary>The norm before clipping.</summary>
    public double Value => _onDevice?.ToDouble() ?? _known;

    /// <summary>Whether the step was taken: one of a norm that is not finite leaves everything as it was.</summary>
    public bool IsFinite => double.IsFinite(Value);

    /// <summary>1 where the step was taken and 0 where not, float32, without waiting; only of a norm that is not known.</summary>
    public Tensor FiniteOnDevice() =>
        (_onDevice ?? throw new InvalidOperationException("This norm is known: ask for IsFinite.")).isfinite().to(ScalarType.Float32);
}
