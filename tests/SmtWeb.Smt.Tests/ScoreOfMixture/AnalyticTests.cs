using SmtWeb.Smt.Methods.Smd;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.ScoreOfMixture;

/// <summary>
/// The losses on mixtures of Gaussians under noise, where densities, scores, density ratio and the gradient of the
/// α-skew Jensen-Shannon divergence are known in closed form or by quadrature.
/// </summary>
public sealed class AnalyticTests : TensorTest
{
    private static double σ => 0.4;

    // the data: two bumps; the generated distribution: one, whose mean is the parameter θ
    private static readonly (double Weight, double Mean, double Deviation)[] P = [(0.7, -1, 0.5), (0.3, 1.2, 0.3)];

    private static (double Weight, double Mean, double Deviation)[] Q(double θ) => [(1, θ, 0.6)];

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.3)]
    [InlineData(0.999)]
    public void ExplicitMixture_OfTrueDenoisersAndRatio_IsTheMixturesDenoiser(double α)
    {
        // Prop. A.2 at noise σ, in one dimension and (products of) two
        using var scope = torch.NewDisposeScope();
        double[] xs = [.. Enumerable.Range(0, 41).Select(k => -3 + (0.15 * k))];
        foreach (var dimensions in new[] { 1, 2 })
        {
            var points =
                dimensions == 1
                    ? xs.Select(x => new[] { x }).ToArray()
                    : [.. xs.SelectMany(x => xs.Where((_, k) => k % 4 == 0).Select(y => new[] { x, y }))];
            double LogDensity(double[] x, (double, double, double)[] m) => x.Sum(v => Math.Log(Density(v, m)));
            var ℓ = points.Select(x => LogDensity(x, P) - LogDensity(x, Q(0.3)));
            Tensor Denoised((double, double, double)[] m) => Rows(points.Select(x => x.Select(v => v + (σ * σ * Score(v, m)))), dimensions);
            var (f_p, f_q) = (Denoised(P), Denoised(Q(0.3)));
            var D = SmdLosses.MixtureWeight(Column(ℓ), torch.full([points.Length], α));
            var f_exp = SmdLosses.ExplicitMixture(D, f_p, f_q).ToArray<float>();

            for (var k = 0; k < points.Length; k++)
            {
                double Mixture(double[] x) => (α * Math.Exp(LogDensity(x, P))) + ((1 - α) * Math.Exp(LogDensity(x, Q(0.3))));
                for (var d = 0; d < dimensions; d++)
                {
                    // ∇ log of the mixture by central differences
                    const double h = 1e-5;
                    var (up, down) = ((double[])points[k].Clone(), (double[])points[k].Clone());
                    (up[d], down[d]) = (up[d] + h, down[d] - h);
                    var score = (Math.Log(Mixture(up)) - Math.Log(Mixture(down))) / (2 * h);
                    Assert.Equal(points[k][d] + (σ * σ * score), f_exp[(k * dimensions) + d], 2e-4);
                }
            }
        }
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.5)]
    [InlineData(0.97)]
    public void Directions_AveragedOverTheGenerator_AreTheDerivativeOfTheDivergence(double α)
    {
        // d/dθ of the α-JSD of q_θ and p under noise, by central differences of the integral
        const double θ = 0.3,
            h = 1e-4;
        var derivative = (Divergence(α, θ + h) - Divergence(α, θ - h)) / (2 * h);

        // Eq. (6), (9) and (15) at every x_t of a grid; the noise-free x of the weight is any number: it is divided out again
        using var scope = torch.NewDisposeScope();
        var grid = Grid().ToList();
        var x = Column(grid.Select(t => t + 0.5)).unsqueeze(1);
        Tensor Denoised(double a) => Column(grid.Select(t => t + (σ * σ * MixtureScore(t, a, θ)))).unsqueeze(1);
        var (f_0, f_α, f_1) = (Denoised(0), Denoised(α), Denoised(1));
        var smt = SmtLosses.GeneratorDirection(x, f_0, f_α, f_1, AdaptiveWeight.DmdOnly).ToArray<float>();
        var α_s = torch.full([grid.Count], α);
        var D = SmdLosses.MixtureWeight(Column(grid.Select(t => Math.Log(Density(t, P)) - Math.Log(Density(t, Q(θ))))), α_s);
        var smd = SmdLosses.GeneratorDirection(x, f_0, f_1, D, α_s, torch.full([grid.Count], σ), DistillationWeight.None).ToArray<float>();
        var (l1, step) = ((x - f_1).abs().reshape(-1).ToArray<float>(), grid[1] - grid[0]);
        double fromSmt = 0,
            fromSmd = 0;
        for (var k = 0; k < grid.Count; k++)
        {
            var mass = Density(grid[k], Q(θ)) * step;
            fromSmt += mass * smt[k] * l1[k] / (σ * σ * α);
            fromSmd += mass * smd[k];
        }
        Assert.Equal(derivative, fromSmt, 2e-3 * Math.Max(1, Math.Abs(derivative)));
        Assert.Equal(derivative, fromSmd, 2e-3 * Math.Max(1, Math.Abs(derivative)));
    }

    [Fact]
    public void Directions_AtTheEnds_AreForwardAndReverseKl()
    {
        // α → 0: (p/q)(s_q - s_p), whose mean is the gradient of KL(p‖q); α = 1: s_q - s_p, that of KL(q‖p)
        using var scope = torch.NewDisposeScope();
        double[] at = [-2, -1, 0, 0.5, 1.5];
        var f_p = Column(at.Select(t => t + (σ * σ * Score(t, P)))).unsqueeze(1);
        var f_q = Column(at.Select(t => t + (σ * σ * Score(t, Q(0))))).unsqueeze(1);
        float[] Direction(double α)
        {
            var (α_s, σ_s) = (torch.full([at.Length], α), torch.full([at.Length], σ));
            var D = SmdLosses.MixtureWeight(Column(at.Select(t => Math.Log(Density(t, P) / Density(t, Q(0))))), α_s);
            return SmdLosses.GeneratorDirection(Column(at).unsqueeze(1), f_q, f_p, D, α_s, σ_s, DistillationWeight.None).ToArray<float>();
        }

        var (nearZero, one) = (Direction(1e-5), Direction(1));
        for (var k = 0; k < at.Length; k++)
        {
            var difference = Score(at[k], Q(0)) - Score(at[k], P);
            Assert.Equal(difference, one[k], 1e-4 * (1 + Math.Abs(difference)));
            var ratio = Density(at[k], P) / Density(at[k], Q(0));
            Assert.Equal(ratio * difference, nearZero[k], 1e-3 * (1 + Math.Abs(ratio * difference)));
        }
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void RatioLosses_OverBothDistributions_AreLeastAtTheTrueLogRatio(double α)
    {
        // Corollary 4.1 and App. D.3: the weights of the rows are the densities
        using var scope = torch.NewDisposeScope();
        var grid = Grid().Where((_, k) => k % 8 == 0).ToList();
        var n = grid.Count;
        var ratio = Column(grid.Select(t => Math.Log(Density(t, P)) - Math.Log(Density(t, Q(0))))).detach();
        Tensor Denoised((double, double, double)[] m) => Column(grid.Concat(grid).Select(t => t + (σ * σ * Score(t, m)))).unsqueeze(1);
        var w = torch.cat([Column(grid.Select(t => Density(t, P))), Column(grid.Select(t => Density(t, Q(0))))]);
        double Loss(Tensor ℓ)
        {
            var D = SmdLosses.MixtureWeight(torch.cat([ℓ, ℓ]), torch.full([2 * n], α));
            var (real, fake) = SmdLosses.RatioLosses(D, Denoised(P), Denoised(Q(0)), torch.full([2 * n], α), w, n, n);
            return (real + fake).ToDouble();
        }

        var least = Loss(ratio);
        Assert.All(new[] { -0.5, -0.1, 0.1, 0.5 }, shift => Assert.True(Loss(ratio + shift) > least));

        ratio.requires_grad = true;
        var D = SmdLosses.MixtureWeight(torch.cat([ratio, ratio]), torch.full([2 * n], α));
        var (onReal, onFake) = SmdLosses.RatioLosses(D, Denoised(P), Denoised(Q(0)), torch.full([2 * n], α), w, n, n);
        (onReal + onFake).backward();
        Assert.InRange(ratio.grad!.abs().sum().ToDouble(), 0, 1e-5 * least);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    [InlineData(0.7)]
    [InlineData(1)]
    public void ScoreLoss_OverBothDistributions_IsLeastAtTheMixturesDenoiser(double α)
    {
        // Eq. (8) in denoiser form: every pair of a clean point and a noisy one is a row, its weight the density of the pair
        using var scope = torch.NewDisposeScope();
        double[] noisy = [-2, -1, -0.2, 0.5, 1.4],
            clean = [.. Enumerable.Range(0, 801).Select(k => -5 + (0.0125 * k))];
        var (n, rows) = (noisy.Length, noisy.Length * clean.Length);
        var x = Column(noisy.SelectMany(_ => clean)).unsqueeze(1);
        Tensor Pairs((double, double, double)[] m) =>
            Column(noisy.SelectMany(t => clean.Select(c => Clean(c, m) * Math.Exp(-(t - c) * (t - c) / (2 * σ * σ)))));
        double[] Slope(double shift)
        {
            var f = Column(noisy.Select(t => t + (σ * σ * MixtureScore(t, α, 0.3)) + shift)).detach();
            f.requires_grad = true;
            var each = f.unsqueeze(1).expand([n, clean.Length]).reshape([rows, 1]);
            var share = torch.full([rows], α);
            (SmtLosses.ScoreLoss(each, x, share, Pairs(P), 1) + SmtLosses.ScoreLoss(each, x, 1 - share, Pairs(Q(0.3)), 1)).backward();
            return [.. f.grad!.ToArray<float>()];
        }

        var (at, beside) = (Slope(0), Slope(0.05));
        for (var k = 0; k < n; k++)
        {
            Assert.InRange(Math.Abs(at[k]), 0, 1e-2 * beside[k]);
        }
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void DenoisingWeight_EveryLevel_UndoesTheScaleOfTheNetworksOutput(double σ_data)
    {
        // EDM: w(σ) c_out(σ)² = 1, so that the network's error counts alike at every noise level
        using var scope = torch.NewDisposeScope();
        var levels = Tensors.Of([0.002f, 0.1f, 0.5f, 3, 80], [5]);
        var (_, c_out, _, _) = EdmPrecond.Coefficients(levels, σ_data);
        Assert.All((SmtLosses.DenoisingWeight(levels, σ_data) * c_out.square()).ToArray<float>(), v => Assert.Equal(1, v, 1e-5));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.4)]
    [InlineData(1)]
    public void ScoreLoss_ByFiniteDifferences_HasItsGradient_AndVanishesWhereTheWeightDoes(double α)
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(1, torch.CPU);
        var (f, x) = (torch.randn([3, 2], generator: random), torch.randn([3, 2], generator: random));
        var w = SmtLosses.DenoisingWeight(Tensors.Of([0.3f, 1, 4], [3]), 0.5);
        double Loss(Tensor at) => SmtLosses.ScoreLoss(at, x, torch.full([3], α), w, 3).ToDouble();
        var leaf = f.clone().detach();
        leaf.requires_grad = true;
        SmtLosses.ScoreLoss(leaf, x, torch.full([3], α), w, 3).backward();
        var gradient = leaf.grad!.ToArray<float>();
        for (var k = 0; k < 6; k++)
        {
            var step = new float[6];
            step[k] = 1e-2f;
            var change = (Loss(f + Tensors.Of(step, [3, 2])) - Loss(f - Tensors.Of(step, [3, 2]))) / 2e-2;
            Assert.Equal(change, gradient[k], 1e-2 * (1 + Math.Abs(change)));
            if (α == 0)
            {
                Assert.Equal(0, gradient[k]);
            }
        }
    }

    private static IEnumerable<double> Grid() => Enumerable.Range(0, 2401).Select(k => -6 + (0.005 * k));

    private static double Clean(double x, (double Weight, double Mean, double Deviation)[] mixture) =>
        mixture.Sum(c => c.Weight / c.Deviation * Math.Exp(-(x - c.Mean) * (x - c.Mean) / (2 * c.Deviation * c.Deviation)));

    // density and score of a mixture of Gaussians convolved with N(0, σ²)
    private static double Density(double x, (double Weight, double Mean, double Deviation)[] mixture) =>
        mixture.Sum(c =>
        {
            var v = (c.Deviation * c.Deviation) + (σ * σ);
            return c.Weight * Math.Exp(-(x - c.Mean) * (x - c.Mean) / (2 * v)) / Math.Sqrt(2 * Math.PI * v);
        });

    private static double Score(double x, (double Weight, double Mean, double Deviation)[] mixture) =>
        mixture.Sum(c =>
        {
            var v = (c.Deviation * c.Deviation) + (σ * σ);
            return c.Weight * Math.Exp(-(x - c.Mean) * (x - c.Mean) / (2 * v)) / Math.Sqrt(2 * Math.PI * v) * (c.Mean - x) / v;
        }) / Density(x, mixture);

    private static double MixtureScore(double x, double α, double θ)
    {
        var (p, q) = (α * Density(x, P), (1 - α) * Density(x, Q(θ)));
        return ((p * Score(x, P)) + (q * Score(x, Q(θ)))) / (p + q);
    }

    // (1/α) KL(q‖m) + (1/(1-α)) KL(p‖m), m = αp + (1-α)q
    private static double Divergence(double α, double θ)
    {
        var grid = Grid().ToList();
        var step = grid[1] - grid[0];
        return grid.Sum(x =>
        {
            var (p, q) = (Density(x, P), Density(x, Q(θ)));
            var m = (α * p) + ((1 - α) * q);
            return step * ((q > 0 ? q * Math.Log(q / m) / α : 0) + (p > 0 ? p * Math.Log(p / m) / (1 - α) : 0));
        });
    }

    private static Tensor Column(IEnumerable<double> values)
    {
        float[] array = [.. values.Select(v => (float)v)];
        return Tensors.Of(array, [array.Length]);
    }

    private static Tensor Rows(IEnumerable<IEnumerable<double>> rows, int width)
    {
        float[] array = [.. rows.SelectMany(r => r).Select(v => (float)v)];
        return Tensors.Of(array, [array.Length / width, width]);
    }
}
