using SmtWeb.Data.Formats;

namespace SmtWeb.Data.Batches;

/// <summary>A stretch of records that came from one file: its name and how many records it holds.</summary>
internal sealed record SourcePart(string Name, int Count);

/// <summary>
/// Images held in memory, for formats whose files are small or have no random access (CIFAR-10, IDX): all but a few
/// bytes of the bound that their readers keep. A label out of range, or a record that the file ends in, is corrupt.
/// </summary>
internal sealed class MemorySource(
    string path,
    int channels,
    int side,
    int classes,
    byte[] images,
    int[]? labels,
    IReadOnlyList<SourcePart> parts
) : ImageSource
{
    public override string Path => path;

    public override int Count { get; } = parts.Sum(p => p.Count);

    public override int Channels => channels;

    public override int Side => side;

    public override int Classes => labels is null ? 0 : classes;

    public override IReadOnlyList<string> ClassNames => Names;

    public override IReadOnlyList<int>? ClassCounts => labels is null ? null : ClassCoverage.Count(labels, classes);

    internal IReadOnlyList<string> Names { get; init; } = [];

    public override int Read(int index, Span<byte> pixels)
    {
        var end = (index + 1L) * ImageBytes;
        if (end > images.Length)
        {
            throw Corrupt(index, $"the file ends inside it, {end - images.Length} bytes early");
        }
        var label = labels?[index] ?? -1;
        if (labels is not null && (label < 0 || label >= classes))
        {
            throw Corrupt(index, $"its label is {label}; expected 0 to {classes - 1}");
        }
        images.AsSpan((int)(end - ImageBytes), ImageBytes).CopyTo(pixels);
        return label;
    }

    public override string NameOf(int index)
    {
        foreach (var part in parts)
        {
            if (index < part.Count)
            {
                return $"{part.Name}, record {index}";
            }
            index -= part.Count;
        }

        return "";
    }

    public override void Dispose() { }
}
