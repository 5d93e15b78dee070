using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) on one flat vector, with PyTorch's order of operations, in one pass. TorchSharp's own loops
/// over the parameters in C#, some ten operators each.
/// </summary>
public sealed class AdamW : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly double beta1, beta2, eps, weightDecay;

    /// <summary>An optimizer of <paramref name="parameters"/>, which it does not own.</summary>
    public AdamW(FlatParameters parameters, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weightDecay = 0.01)
    {
        (this.parameters, this.beta1, this.beta2, this.eps, this.weightDecay) = (parameters, beta1, beta2, eps, weightDecay);
        FirstMoment = parameters.NewState();
        SecondMoment = parameters.NewState();
    }

    /// <summary>Running mean of the gradients.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Running mean of the squared gradients.</summary>
    public Tensor SecondMoment { get; }

    /// <summary>Steps taken; part of the state.</summary>
    public long Steps { get; set; }

    /// <summary>
    /// Scales the gradients down to global norm <paramref name="clip"/> and takes one step.
    /// A non-finite gradient norm leaves everything as it was.
    /// </summary>
    /// <returns>The gradient norm before clipping.</returns>
    public double Step(double rate, double clip = double.PositiveInfinity)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        parameters.Exchange?.End();
        var norm = parameters.GradientNorm();
        if (!double.IsFinite(norm))
        {
            return norm;
        }
        Steps++;
        Fused.adamw_(
            parameters.Values, parameters.Gradients, FirstMoment, SecondMoment, scale: norm > clip ? clip / (norm + 1e-6) : 1, keep: 1 - rate * weightDecay,
            beta1, beta2, root: Math.Sqrt(1 - Math.Pow(beta2, Steps)), eps, rate / (1 - Math.Pow(beta1, Steps)));
        return norm;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FirstMoment.Dispose();
        SecondMoment.Dispose();
    }
}
