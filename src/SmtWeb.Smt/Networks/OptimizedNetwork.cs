using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// A network with the optimizer of its parameters, as a trainer updates them: gradients clipped at their global norm, then
/// AdamW. It owns the parameters' memory and the optimizer's state, not the network.
/// </summary>
public sealed class OptimizedNetwork : IDisposable
{
    private readonly double _clip;

    /// <summary>Takes over the parameters of <paramref name="network"/>.</summary>
    public OptimizedNetwork(Module network, OptimisationSpec optimisation)
    {
        _clip = optimisation.GradientClip;
        Parameters = new FlatParameters(("", network));
        Optimizer = new AdamW(Parameters, optimisation.Beta1, optimisation.Beta2, weightDecay: optimisation.WeightDecay);
    }

    /// <summary>All parameters in one vector.</summary>
    public FlatParameters Parameters { get; }

    /// <summary>The optimizer, whose moments and count of steps are part of a run's state.</summary>
    public AdamW Optimizer { get; }

    /// <summary>
    /// One step of rate <paramref name="η"/> down the gradient of the scalar <paramref name="loss"/>; none where that is not finite.
    /// </summary>
    /// <returns>The gradient's norm before clipping.</returns>
    public GradientNorm Descend(Tensor loss, double η)
    {
        Parameters.ZeroGrad();
        loss.backward();
        return Optimizer.Step(η, _clip);
    }

    /// <summary>The optimizer begins anew from the parameters as they are.</summary>
    public void Restart()
    {
        Optimizer.FirstMoment.zero_();
        Optimizer.SecondMoment.zero_();
        Optimizer.Steps = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Parameters.Dispose();
    }
}
