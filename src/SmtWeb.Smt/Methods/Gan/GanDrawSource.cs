using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Gan;

/// <summary>
/// Draws what <see cref="GanTrainer"/> needs; <paramref name="noiseRange"/> are indices of the Karras grid, or null for clean samples.
/// </summary>
public sealed class GanDrawSource(
    FakeLabels fakeLabels,
    (int From, int To)? noiseRange,
    BatchShare share,
    Generator host,
    NoiseStream noise
) : DrawSource(share, host, noise)
{
    /// <summary>Classes of the fakes, one-hot; null where there are none.</summary>
    public Tensor? FakeLabels(Tensor? realLabels) => Labels(realLabels, fakeLabels);

    /// <summary>Draws of an update of the generator, which needs no real half.</summary>
    public GanDraws Generator(Tensor x) =>
        noiseRange is { } range ? new(Levels(range.From, range.To, x.device), null, Normal(x)) : Clean(x);

    /// <summary>Draws of an update of the discriminator.</summary>
    public GanDraws Discriminator(Tensor x) =>
        noiseRange is { } range ? new(Levels(range.From, range.To, x.device), Normal(x), Normal(x)) : Clean(x);

    private static GanDraws Clean(Tensor x) => new(Numbers.Full([x.size(0)], GanTrainer.Clean, x.device), null, null);
}
