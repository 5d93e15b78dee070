using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// A denoiser under EDM preconditioning: D(x_t; α, σ) ≈ E[x | x_t]. With α it is the amortized denoiser of the mixture
/// αp + (1-α)q (App. C.1); without, an ordinary one, and a one-step generator when called at the largest σ.
/// </summary>
public abstract class Denoiser(double sigmaData, int classes) : NetworkPart
{
    /// <summary>Largest noise level; the generator turns 80·z at σ = 80 into a sample.</summary>
    public const double SigmaMax = 80;

    private IReadOnlyList<Tensor>? _learnables;

    /// <summary>σ_data of the preconditioning.</summary>
    public double SigmaData { get; } = sigmaData;

    /// <summary>Number of classes; 0 = unconditional.</summary>
    public int Classes { get; } = classes;

    /// <summary>Shape of one sample, without the batch: [C,H,W] or [2].</summary>
    public abstract IReadOnlyList<long> SampleShape { get; }

    /// <summary>Shape of the encoder's output, without the batch.</summary>
    public abstract IReadOnlyList<long> BottleneckShape { get; }

    /// <summary>
    /// D(x_t; α, σ). <paramref name="x_t"/> [N,…], <paramref name="σ"/> [N], <paramref name="α"/> [N] or null,
    /// <paramref name="labels"/> [N,classes] one-hot, or null for none.
    /// </summary>
    public Tensor forward(Tensor x_t, Tensor σ, Tensor? α, Tensor? labels, Tensor? augment = null)
    {
        var (c_skip, c_out, c_in, c_noise) = EdmPrecond.Coefficients(σ, SigmaData);
        var F = Split([Fused.mix_rows(c_in, x_t), c_noise, α, labels, augment], half => Raw(half[0]!, half[1]!, half[2], half[3], half[4]));
        return Fused.mix_rows(c_skip, x_t, c_out, F);
    }

    /// <summary>Output of the encoder at (x_t; α, σ), for the discriminator head.</summary>
    public Tensor Bottleneck(Tensor x_t, Tensor σ, Tensor? α, Tensor? labels)
    {
        var (_, _, c_in, c_noise) = EdmPrecond.Coefficients(σ, SigmaData);
        return Split([Fused.mix_rows(c_in, x_t), c_noise, α, labels], half => RawBottleneck(half[0]!, half[1]!, half[2], half[3]));
    }

    /// <summary>
    /// D(x_t; α, σ) and the encoder's output with one pass of the encoder. Without <paramref name="decoderLearns"/>, D
    /// carries no gradient, so that only the encoder is kept for the backward pass.
    /// </summary>
    public (Tensor D, Tensor Bottleneck) ForwardWithBottleneck(Tensor x_t, Tensor σ, Tensor? α, Tensor? labels, bool decoderLearns)
    {
        var (c_skip, c_out, c_in, c_noise) = EdmPrecond.Coefficients(σ, SigmaData);
        var (F, bottleneck) = SplitPair(
            [Fused.mix_rows(c_in, x_t), c_noise, α, labels],
            half => RawWithBottleneck(half[0]!, half[1]!, half[2], half[3], decoderLearns)
        );
        var D = Fused.mix_rows(c_skip, x_t, c_out, F);
        return (decoderLearns ? D : D.detach(), bottleneck);
    }

    /// <summary>g(z): one step from noise <paramref name="z"/> ~ N(0, I) to samples.</summary>
    public Tensor Generate(Tensor z, Tensor? labels) =>
        forward(z.Times(SigmaMax), Numbers.Full([z.size(0)], SigmaMax, z.device), null, labels);

    /// <summary>
    /// Starts from a denoiser that knows no α: its weights are copied, and whatever reads α starts at 0, so that for
    /// every α this is the same denoiser (W_α ≈ 0 of Sec. 3.4). The released ImageNet form has no weight that reads α
    /// (<see cref="AlphaEmbedding.ReleasedFourier"/>): there the weights are the same, the function is not.
    /// </summary>
    public void InitialiseFrom(Denoiser other)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var theirs = other.StateEntries().ToDictionary(e => e.Name, e => e.Value);
        var learnable = named_parameters().Select(p => p.name).ToHashSet();
        foreach (var (name, mine) in this.StateEntries())
        {
            if (!theirs.TryGetValue(name, out var source))
            {
                if (learnable.Contains(name))
                {
                    mine.zero_();
                }
            }
            else if (source.shape.AsSpan().SequenceEqual(mine.shape))
            {
                mine.copy_(source);
            }
            else
            {
                // α comes last in a concatenation: the leading columns are theirs
                mine.zero_().narrow(1, 0, source.size(1)).copy_(source);
            }
        }
    }

    /// <summary>F(c_in·x; c_noise).</summary>
    public abstract Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment);

    /// <summary>F and the encoder's output with one pass of the encoder; F without gradient unless the decoder learns.</summary>
    protected abstract (Tensor F, Tensor Bottleneck) RawWithBottleneck(
        Tensor scaled,
        Tensor c_noise,
        Tensor? α,
        Tensor? labels,
        bool decoderLearns
    );

    /// <summary>Whether rows may be taken through the network on two threads: not where they share a generator.</summary>
    protected virtual bool MaySplitRows => false;

    private Tensor Split(Tensor?[] inputs, Func<Tensor?[], Tensor> network) =>
        MaySplitRows ? RowSplit.Run(_learnables ??= [.. parameters()], inputs, network) : network(inputs);

    // two results of one pass: side by side in one tensor while the halves are joined
    private (Tensor, Tensor) SplitPair(Tensor?[] inputs, Func<Tensor?[], (Tensor, Tensor)> network)
    {
        if (!MaySplitRows || !RowSplit.Splits(inputs[0]!))
        {
            return network(inputs);
        }
        var rows = inputs[0]!.size(0);
        long[] first = [rows, .. SampleShape],
            second = [rows, .. BottleneckShape];
        var both = Split(
            inputs,
            half =>
            {
                var (a, b) = network(half);
                return torch.cat([a.reshape(a.size(0), -1), b.reshape(b.size(0), -1)], 1);
            }
        );
        var width = both.size(1);
        var middle = first.Skip(1).Aggregate(1L, (size, side) => size * side);
        return (both.narrow(1, 0, middle).reshape(first), both.narrow(1, middle, width - middle).reshape(second));
    }

    /// <summary>The encoder alone.</summary>
    protected abstract Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels);
}

/// <summary>A U-Net, DDPM++ or ADM, under preconditioning; weights named as in EDM's snapshots (<c>model.…</c>).</summary>
public sealed class ImageDenoiser : Denoiser
{
    private readonly UNetOptions _options;

    /// <summary>A denoiser of images with fresh weights; the type of <paramref name="options"/> chooses the architecture.</summary>
    public ImageDenoiser(UNetOptions options, WeightSource random)
        : base(options.SigmaData, options.Classes)
    {
        _options = options;
        Model = Register("model", options.Create(random));
    }

    /// <summary>The network inside.</summary>
    public UNet Model { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<long> SampleShape => [_options.ImageChannels, _options.Resolution, _options.Resolution];

    /// <inheritdoc/>
    public override IReadOnlyList<long> BottleneckShape => [Model.BottleneckChannels, Model.BottleneckSide, Model.BottleneckSide];

    /// <inheritdoc/>
    protected override bool MaySplitRows => (_options.Dropout == 0 || !training) && Model.Trace is null;

    /// <inheritdoc/>
    public override Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment) =>
        Model.forward(scaled, c_noise, α, labels, augment);

    /// <inheritdoc/>
    protected override (Tensor F, Tensor Bottleneck) RawWithBottleneck(
        Tensor scaled,
        Tensor c_noise,
        Tensor? α,
        Tensor? labels,
        bool decoderLearns
    ) => Model.ForwardWithBottleneck(scaled, c_noise, α, labels, decoderLearns);

    /// <inheritdoc/>
    protected override Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels) =>
        Model.Bottleneck(scaled, c_noise, α, labels);
}
