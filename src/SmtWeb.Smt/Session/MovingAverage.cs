using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>An exponential moving average of the generator; it owns its network.</summary>
internal sealed class MovingAverage : IDisposable
{
    /// <summary>How the names of tensors begin that belong to an average beside the first.</summary>
    internal const string FurtherPrefix = "ema-h";

    private readonly FlatParameters _parameters;
    private readonly double _decay;

    internal MovingAverage(string prefix, string suffix, double decay, Denoiser network)
    {
        (Prefix, Suffix, _decay, Network) = (prefix, suffix, decay, network);
        network.RequireGrad(false);
        network.eval();
        _parameters = new FlatParameters(("", network));
    }

    /// <summary>Names its tensors in a checkpoint.</summary>
    internal string Prefix { get; }

    /// <summary>Names its distance curve.</summary>
    internal string Suffix { get; }

    internal Denoiser Network { get; }

    /// <summary>
    /// Moves towards the generator after its update number <paramref name="updates"/>. The half-life is at most
    /// <paramref name="ramp"/> times the updates so far (EDM), so that a young average forgets the start; 0 = no bound.
    /// It stays where it is after an update whose <paramref name="norm"/> was not finite.
    /// </summary>
    internal void Follow(FlatParameters generator, long updates, double ramp, GradientNorm norm)
    {
        if (norm is { IsKnown: true, IsFinite: false })
        {
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var bounded = ramp > 0 ? Math.Min(_decay, Math.Pow(0.5, 1 / (ramp * Math.Max(1, updates)))) : _decay;
        var weight = Numbers.Full([], 1 - bounded, _parameters.Values.device);
        if (!norm.IsKnown)
        {
            weight = weight * norm.FiniteOnDevice();
        }
        _parameters.Values.lerp_(generator.Values, weight);
    }

    /// <summary>Becomes equal to the generator.</summary>
    internal void Reset(Denoiser generator) => Network.CopyFrom(generator);

    public void Dispose()
    {
        _parameters.Dispose();
        Network.Dispose();
    }
}
