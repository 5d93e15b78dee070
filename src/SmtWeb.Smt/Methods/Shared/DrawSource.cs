using System.Runtime.InteropServices;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>
/// Random draws of a batch: small numbers (levels, α, labels) from a host generator, noise from a stream of its own, so that the
/// same run on another device differs by rounding alone. All are drawn for the whole batch; a rank keeps its share.
/// </summary>
public abstract class DrawSource(BatchShare share, Generator host, NoiseStream noise)
{
    /// <summary>Generator input z ~ N(0, I), shaped like <paramref name="x"/>.</summary>
    public Tensor Latents(Tensor x) => Normal(x);

    /// <summary>Draws of a few-step generator; null for one of a single step.</summary>
    public FewStepDraws? FewSteps(int steps, Tensor x)
    {
        if (steps == 1)
        {
            return null;
        }
        var (levels, u, σ) = (FewStepSampler.LevelsOf(steps), Uniform(), new float[share.Count]);
        for (var k = 0; k < share.Count; k++)
        {
            σ[k] = (float)levels[Math.Min((int)(u[k] * steps), steps - 1)];
        }
        return new(HostTransfer.Of(σ, [share.Count], x.device), Normal(x));
    }

    /// <summary>Classes of the fakes, one-hot: those of the real batch or uniform; null where there are none.</summary>
    protected Tensor? Labels(Tensor? realLabels, Specs.FakeLabels choice)
    {
        if (realLabels is null || choice == Specs.FakeLabels.RealBatch)
        {
            return realLabels;
        }
        var classes = realLabels.size(1);
        var drawn = Mine(torch.randint(classes, [share.Batch], ScalarType.Int64, generator: host));
        return HostTransfer.OneHot(OnDevice(drawn, realLabels.device), (int)classes);
    }

    /// <summary>σ with ln σ ~ N(mean, deviation²), Eq. (24), and ε.</summary>
    public (Tensor σ, Tensor ε) LogNormal(Tensor x, double mean, double deviation)
    {
        var normal = OnDevice(Mine(torch.randn([share.Batch], generator: host)), x.device);
        return (normal.Times(deviation).Plus(mean).exp(), Normal(x));
    }

    /// <summary>Standard normal noise shaped like <paramref name="like"/>.</summary>
    protected Tensor Normal(Tensor like) => noise.Next(share, like.shape[1..]);

    /// <summary>σ [B], uniform over the indices of the Karras grid, both ends included.</summary>
    protected Tensor Levels(int from, int to, Device device)
    {
        var u = Uniform();
        var σ = new float[share.Count];
        for (var k = 0; k < share.Count; k++)
        {
            σ[k] = KarrasGrid.Sigmas[from + Math.Min((int)(u[k] * (to - from + 1)), to - from)];
        }
        return HostTransfer.Of(σ, [share.Count], device);
    }

    /// <summary>
    /// α [B] on the device and again on the host; stratified: row k draws from the k-th of B equal slices of probability.
    /// </summary>
    protected (Tensor Device, float[] Host) Alphas(AlphaDistribution distribution, bool stratified, Device device)
    {
        var u = Uniform();
        var α = new float[share.Count];
        for (var k = 0; k < share.Count; k++)
        {
            α[k] = distribution.At(stratified ? (share.From + k + u[k]) / share.Batch : u[k]);
        }
        return (HostTransfer.Of(α, [share.Count], device), α);
    }

    private double[] Uniform()
    {
        using var drawn = torch.rand([share.Batch], ScalarType.Float64, generator: host);
        return MemoryMarshal.Cast<byte, double>(drawn.bytes).Slice(share.From, share.Count).ToArray();
    }

    private Tensor Mine(Tensor drawn) => share.IsAll ? drawn : drawn.narrow(0, share.From, share.Count);

    private static Tensor OnDevice(Tensor host, Device device) =>
        HostTransfer.IsRemote(device) ? HostTransfer.Start(HostTransfer.Stage(host, device), device) : host;
}
