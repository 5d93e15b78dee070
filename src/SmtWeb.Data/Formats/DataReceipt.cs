namespace SmtWeb.Data.Formats;

/// <summary>
/// What was found when all of a data set was read once; a run is tied to it. <paramref name="Sha256"/> is of the files, as the check
/// shows it and a spec may state it; <paramref name="ImagesSha256"/> of the decoded pixels and labels in their order;
/// <paramref name="Records"/> counts all of them, <paramref name="CorruptCount"/> those that cannot be read.
/// </summary>
public sealed record DataReceipt(string Sha256, string ImagesSha256, int Records, long Bytes, int CorruptCount)
{
    /// <summary>
    /// Whether the same is learned from both: the same files, or the same images in the same order (of a set to whose folder a note
    /// was added, or that lies in another archive).
    /// </summary>
    public bool IsOfTheSameImages(DataReceipt other) => Sha256 == other.Sha256 || ImagesSha256 == other.ImagesSha256;

    /// <summary>"36 images, SHA-256 0123456789ab…", for sentences that compare two.</summary>
    public string Describe() =>
        string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{Records:N0} images{(CorruptCount > 0 ? $" ({CorruptCount:N0} unreadable)" : "")}, {Bytes:N0} bytes, SHA-256 {Sha256}"
        );
}
