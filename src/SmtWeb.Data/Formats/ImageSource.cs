using SmtWeb.Data.Images;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Images of a data set, one by one: bytes [C,H,W] and a label. Opening reads what tells the records apart, never the
/// pixels (the CIFAR-10 and IDX files, which are small, excepted). <see cref="Read(int, Span{byte})"/> may be called by several threads.
/// </summary>
public abstract class ImageSource : IDisposable
{
    /// <summary>File or folder.</summary>
    public abstract string Path { get; }

    /// <summary>Number of records.</summary>
    public abstract int Count { get; }

    /// <summary>Grey (1) or RGB (3).</summary>
    public abstract int Channels { get; }

    /// <summary>Height and width.</summary>
    public abstract int Side { get; }

    /// <summary>Number of classes; 0 without labels.</summary>
    public abstract int Classes { get; }

    /// <summary>Names of the classes where the data have any, else empty.</summary>
    public virtual IReadOnlyList<string> ClassNames => [];

    /// <summary>
    /// How many records say that they are of each class, found without reading an image; null where there are no classes. A database
    /// reads all of its labels for it.
    /// </summary>
    public virtual IReadOnlyList<int>? ClassCounts => null;

    /// <summary>What opening found that a person should know: files passed over, another size than some have.</summary>
    public virtual IReadOnlyList<DatasetNote> Notes => [];

    /// <summary>Bytes of an image.</summary>
    public int ImageBytes => Channels * Side * Side;

    /// <summary>Reads a record: pixels [C,H,W] into <paramref name="pixels"/>; returns the label, -1 without.</summary>
    /// <exception cref="CorruptRecordException">This record cannot be read.</exception>
    public abstract int Read(int index, Span<byte> pixels);

    /// <summary>The same, and what was done to the pixels of the file on the way.</summary>
    /// <exception cref="CorruptRecordException">This record cannot be read.</exception>
    public virtual int Read(int index, Span<byte> pixels, out PixelChanges changes)
    {
        changes = PixelChanges.None;
        return Read(index, pixels);
    }

    /// <summary>Name of a record for messages, such as a file's name; may be empty.</summary>
    public virtual string NameOf(int index) => "";

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>An exception for a record.</summary>
    protected CorruptRecordException Corrupt(int index, string problem, Exception? cause = null) =>
        new(Path, index, NameOf(index), problem, cause);

    /// <summary>Copies [H,W,C] pixels as [C,H,W], grey repeated where RGB is wanted.</summary>
    protected static void ToPlanes(ReadOnlySpan<byte> interleaved, int stored, int wanted, Span<byte> planes)
    {
        var area = interleaved.Length / stored;
        for (var c = 0; c < wanted; c++)
        {
            var plane = planes.Slice(c * area, area);
            var from = stored == 1 ? 0 : c;
            for (var k = 0; k < area; k++)
            {
                plane[k] = interleaved[(k * stored) + from];
            }
        }
    }
}
