using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.ScoreOfMixture;

/// <summary>
/// Random draws of a batch: small numbers (levels, α, labels) from a host generator, noise from the device's, so that the
/// same run on another device differs by rounding alone. All are drawn for the whole batch; a rank keeps its share.
/// </summary>
public abstract class DrawSource(BatchShare share, Generator host, Generator noise)
{
    /// <summary>Generator input z ~ N(0, I), shaped like <paramref name="x"/>.</summary>
    public Tensor Latents(Tensor x) => Normal(x);

    /// <summary>Draws of a few-step generator; null for one of a single step.</summary>
    public FewStepDraws? FewSteps(int steps, Tensor x)
    {
        if (steps == 1) return null;
        var (levels, u, σ) = (FewStepSampler.LevelsOf(steps), Uniform(), new float[share.Count]);
        for (var k = 0; k < share.Count; k++) σ[k] = (float)levels[Math.Min((int)(u[k] * steps), steps - 1)];
        return new(torch.tensor(σ, [share.Count], x.Device), Normal(x));
    }

    /// <summary>Classes of the fakes, one-hot: those of the real batch or uniform; null where there are none.</summary>
    protected Tensor? Labels(Tensor? realLabels, Specs.FakeLabels choice)
    {
        if (realLabels is null || choice == Specs.FakeLabels.RealBatch) return realLabels;
        var classes = realLabels.Size(1);
        return Mine(torch.randint(classes, [share.Batch], host)).to(realLabels.Device).one_hot(classes).to(ScalarType.Float32);
    }

    /// <summary>σ with ln σ ~ N(mean, deviation²), Eq. (24), and ε.</summary>
    public (Tensor σ, Tensor ε) LogNormal(Tensor x, double mean, double deviation)
    {
        var normal = Mine(torch.randn([share.Batch], host)).to(x.Device);
        return ((normal * deviation + mean).exp(), Normal(x));
    }

    /// <summary>Standard normal noise shaped like <paramref name="like"/>.</summary>
    protected Tensor Normal(Tensor like) => Mine(torch.randn([share.Batch, .. like.Shape[1..]], noise));

    /// <summary>σ [B], uniform over the indices of the Karras grid, both ends included.</summary>
    protected Tensor Levels(int from, int to, Device device)
    {
        var u = Uniform();
        var σ = new float[share.Count];
        for (var k = 0; k < share.Count; k++) σ[k] = KarrasGrid.Sigmas[from + Math.Min((int)(u[k] * (to - from + 1)), to - from)];
        return torch.tensor(σ, [share.Count], device);
    }

    /// <summary>α [B] on the device and again on the host; stratified: row k draws from the k-th of B equal slices of probability.</summary>
    protected (Tensor Device, float[] Host) Alphas(AlphaDistribution distribution, bool stratified, Device device)
    {
        var u = Uniform();
        var α = new float[share.Count];
        for (var k = 0; k < share.Count; k++) α[k] = distribution.At(stratified ? (share.From + k + u[k]) / share.Batch : u[k]);
        return (torch.tensor(α, [share.Count], device), α);
    }

    private double[] Uniform() => Mine(torch.rand([share.Batch], host, ScalarType.Float64)).ToArray<double>();

    private Tensor Mine(Tensor drawn) => share.IsAll ? drawn : drawn.narrow(0, share.From, share.Count);
}
