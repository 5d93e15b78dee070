using System.Globalization;

namespace SmtWeb.Measures;

/// <summary>What to keep in mind where a Fréchet distance is of fewer images than its features have dimensions.</summary>
public static class FewImages
{
    /// <summary>
    /// A sentence for each side that is too small; none where both are large enough. <paramref name="reference"/> 0 means that its
    /// number of images is not known.
    /// </summary>
    public static IEnumerable<string> Warnings(long generated, long reference, int dimension)
    {
        if (generated < dimension)
        {
            yield return Sentence(generated, "generated", dimension);
        }
        if (reference > 0 && reference < dimension)
        {
            yield return Sentence(reference, "reference", dimension);
        }
    }

    private static string Sentence(long images, string side, int dimension) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"FID of {images:N0} {side} {(images == 1 ? "image" : "images")}, fewer than the {dimension:N0} dimensions of the features: "
                + $"it is biased upwards, and compares only with others of the same numbers of images."
        );
}
