using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) on one flat vector, with PyTorch's order of operations, in one pass. TorchSharp's own loops
/// over the parameters in C#, some ten operators each.
/// </summary>
public sealed class AdamW : IDisposable
{
    private readonly FlatParameters _parameters;
    private readonly double _beta1,
        _beta2,
        _eps,
        _weightDecay;
    private readonly Tensor? _stepsOnDevice; // of a GPU: what was skipped is known there alone
    private long _steps;

    /// <summary>An optimizer of <paramref name="parameters"/>, which it does not own.</summary>
    public AdamW(FlatParameters parameters, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weightDecay = 0.01)
    {
        (_parameters, _beta1, _beta2, _eps, _weightDecay) = (parameters, beta1, beta2, eps, weightDecay);
        FirstMoment = parameters.NewState();
        SecondMoment = parameters.NewState();
        if (HostTransfer.IsRemote(parameters.Values))
        {
            _stepsOnDevice = zeros([1], ScalarType.Float32, parameters.Values.device).DetachFromDisposeScope();
        }
    }

    /// <summary>Running mean of the gradients.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Running mean of the squared gradients.</summary>
    public Tensor SecondMoment { get; }

    /// <summary>Steps taken; part of the state. Reading it waits for a GPU.</summary>
    public long Steps
    {
        get => _stepsOnDevice is null ? _steps : (long)_stepsOnDevice.ToDouble();
        set
        {
            (_steps, Attempts) = (value, value);
            _stepsOnDevice?.Fill_(value);
        }
    }

    /// <summary>Steps taken, and those of a GPU that were skipped since <see cref="Steps"/> was set, without waiting.</summary>
    public long Attempts { get; private set; }

    /// <summary>
    /// Scales the gradients down to global norm <paramref name="clip"/> and takes one step.
    /// A non-finite gradient norm leaves everything as it was.
    /// </summary>
    /// <returns>The gradient norm before clipping.</returns>
    public GradientNorm Step(double rate, double clip = double.PositiveInfinity)
    {
        using var none = no_grad();
        _parameters.Exchange?.End();
        if (_stepsOnDevice is not null)
        {
            return StepOnDevice(rate, clip, _stepsOnDevice);
        }
        using var scope = NewDisposeScope();
        var norm = _parameters.GradientNorm().ToDouble();
        if (!double.IsFinite(norm))
        {
            return new(norm);
        }
        Attempts = ++_steps;
        Fused.adamw_(
            _parameters.Values,
            _parameters.Gradients,
            FirstMoment,
            SecondMoment,
            scale: norm > clip ? clip / (norm + 1e-6) : 1,
            keep: 1 - rate * _weightDecay,
            _beta1,
            _beta2,
            root: Math.Sqrt(1 - Math.Pow(_beta2, _steps)),
            _eps,
            rate / (1 - Math.Pow(_beta1, _steps))
        );
        return new(norm);
    }

    /// <summary>
    /// The same without a wait: clipping, and the guard against a norm that is not finite, are arithmetic on the device. The norm
    /// belongs to the current scope.
    /// </summary>
    internal GradientNorm StepOnDevice(double rate, double clip, Tensor stepsTaken)
    {
        using var scope = NewDisposeScope();
        Attempts++;
        var norm = _parameters.GradientNorm();
        var finite = norm.isfinite().to(ScalarType.Float32);
        stepsTaken.add_(finite);
        // gradients are divided by the scale: (norm + 1e-6)/clip where that is above 1
        var scale = double.IsFinite(clip) ? norm.Plus(1e-6).Over(clip).AtLeast(1) : ones_like(norm);
        Dispatcher.fused_adamw_(
            _parameters.Values,
            _parameters.Gradients,
            FirstMoment,
            SecondMoment,
            stepsTaken,
            rate,
            _beta1,
            _beta2,
            _weightDecay,
            _eps,
            scale,
            1d.Minus(finite)
        );
        return new(norm.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FirstMoment.Dispose();
        SecondMoment.Dispose();
        _stepsOnDevice?.Dispose();
    }
}
