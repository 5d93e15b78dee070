using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>Settings of the sampler, under the names of Karras et al. 2022; the defaults are EDM's for CIFAR-10.</summary>
public sealed record HeunOptions
{
    /// <summary>Number of steps N; the network is called 2N - 1 times.</summary>
    public int Steps { get; init; } = 18;

    /// <summary>Smallest noise level above 0.</summary>
    public double SigmaMin { get; init; } = 0.002;

    /// <summary>Noise level at which sampling starts.</summary>
    public double SigmaMax { get; init; } = Denoiser.SigmaMax;

    /// <summary>ρ: how much the steps crowd at small noise levels.</summary>
    public double Rho { get; init; } = 7;

    /// <summary>S_churn: amount of noise added over all steps; 0 = deterministic.</summary>
    public double Churn { get; init; }

    /// <summary>S_min: below it no noise is added.</summary>
    public double ChurnFrom { get; init; }

    /// <summary>S_max: above it no noise is added.</summary>
    public double ChurnTo { get; init; } = double.PositiveInfinity;

    /// <summary>S_noise: factor of the noise added.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>All errors, each naming the setting, its value and its range; empty where the settings can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Steps is < 1 or > 10_000)
        {
            errors.Add($"Steps is {Steps}; it must be from 1 to 10000.");
        }
        if (!(SigmaMin > 0 && double.IsFinite(SigmaMin)))
        {
            errors.Add($"SigmaMin is {SigmaMin}; it must be above 0 and finite.");
        }
        if (!(SigmaMax > SigmaMin && double.IsFinite(SigmaMax)))
        {
            errors.Add($"SigmaMax is {SigmaMax}; it must be above SigmaMin ({SigmaMin}) and finite.");
        }
        if (!(Rho > 0 && double.IsFinite(Rho)))
        {
            errors.Add($"Rho is {Rho}; it must be above 0 and finite.");
        }
        if (!(Churn >= 0 && double.IsFinite(Churn)))
        {
            errors.Add($"Churn is {Churn}; it must be at least 0 and finite.");
        }
        if (!(ChurnFrom >= 0 && ChurnTo >= ChurnFrom))
        {
            errors.Add($"Churn works from {ChurnFrom} to {ChurnTo}; the first must be at least 0 and at most the second.");
        }
        if (!(NoiseScale >= 0 && double.IsFinite(NoiseScale)))
        {
            errors.Add($"NoiseScale is {NoiseScale}; it must be at least 0 and finite.");
        }
        return errors;
    }
}

/// <summary>
/// Sampler of a diffusion model: Algorithm 2 of Karras et al. 2022, Heun's method on dx/dσ = (x - D(x; σ))/σ with noise
/// added in between where asked for. The state is float64, the network runs as it is.
/// </summary>
public sealed class HeunSampler
{
    private readonly Denoiser _denoiser;
    private readonly HeunOptions _options;

    /// <summary>A sampler of a denoiser that takes no α.</summary>
    /// <exception cref="ArgumentException">Lists every setting that cannot be used.</exception>
    public HeunSampler(Denoiser denoiser, HeunOptions options)
    {
        var errors = options.Validate();
        if (errors.Count > 0)
        {
            throw new ArgumentException(string.Join(" ", errors), nameof(options));
        }
        (_denoiser, _options) = (denoiser, options);
        Levels = [.. LevelsOf(options)];
    }

    /// <summary>t_0 = σ_max > t_1 > … > t_{N-1} = σ_min, t_N = 0 (Eq. 5).</summary>
    public IReadOnlyList<double> Levels { get; }

    /// <summary>
    /// Samples [N,…] float32, one a seed; a sample depends on its seed and class alone, also with added noise.
    /// <paramref name="labels"/> has one class per seed, or is null for none.
    /// </summary>
    /// <exception cref="ArgumentException">A class is out of range, or the counts differ.</exception>
    public Tensor Draw(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, Device device) =>
        SeededRows.Draw(_denoiser, device, seeds, labels, (noise, oneHot) => Sample(noise(), oneHot, noise).to(ScalarType.Float32));

    /// <summary>
    /// State after the last step, float64, from unit normal <paramref name="latents"/> [N,…] and one-hot
    /// <paramref name="labels"/> [N,classes] or null; <paramref name="noise"/> draws the noise to add, [N,…], and may be
    /// null where <see cref="HeunOptions.Churn"/> is 0.
    /// </summary>
    public Tensor Sample(Tensor latents, Tensor? labels, Func<Tensor>? noise = null)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var x = latents.to(ScalarType.Float64).Times(Levels[0]);
        for (var i = 0; i < _options.Steps; i++)
        {
            using var step = torch.NewDisposeScope();
            x = step.MoveToOuter(Step(x, Levels[i], Levels[i + 1], labels, noise));
        }
        return scope.MoveToOuter(x);
    }

    private Tensor Step(Tensor x, double t, double t_next, Tensor? labels, Func<Tensor>? noise)
    {
        // raise the noise level from t to t̂
        var γ = t >= _options.ChurnFrom && t <= _options.ChurnTo ? Math.Min(_options.Churn / _options.Steps, Math.Sqrt(2) - 1) : 0;
        var t_hat = t + (γ * t);
        if (γ > 0)
        {
            var ε = noise ?? throw new ArgumentNullException(nameof(noise), "Churn is above 0: the sampler needs noise to add.");
            x = x + ε().to(ScalarType.Float64).Times(Math.Sqrt((t_hat * t_hat) - (t * t)) * _options.NoiseScale);
        }
        // Euler step from t̂ to t_next, then the trapezoid unless that is 0
        var d = Slope(x, t_hat, labels);
        var next = x + d.Times(t_next - t_hat);
        return t_next == 0 ? next : x + (d + Slope(next, t_next, labels)).Times(0.5 * (t_next - t_hat));
    }

    // dx/dσ
    private Tensor Slope(Tensor x, double t, Tensor? labels)
    {
        var σ = Numbers.Full([x.size(0)], t, x.device);
        return (x - _denoiser.forward(x.to(ScalarType.Float32), σ, null, labels).to(ScalarType.Float64)).Over(t);
    }

    private static IEnumerable<double> LevelsOf(HeunOptions o)
    {
        var (from, to) = (Math.Pow(o.SigmaMax, 1 / o.Rho), Math.Pow(o.SigmaMin, 1 / o.Rho));
        for (var i = 0; i < o.Steps; i++)
        {
            yield return o.Steps == 1 ? o.SigmaMax : Math.Pow(from + (i / (double)(o.Steps - 1) * (to - from)), o.Rho);
        }
        yield return 0;
    }
}
