using SmtWeb.Data.Batches;
using SmtWeb.Data.Images;
using SmtWeb.Data.Settings;

namespace SmtWeb.Data.Formats;

/// <summary>How images of another side are brought to the one that is wanted.</summary>
public enum ImageFit
{
    /// <summary>A border of zeros, as EDM's dataset tool does for MNIST.</summary>
    [Choice("Pad with zeros", "A border of zeros, as EDM's dataset tool does for MNIST.")]
    Pad,

    /// <summary>Bilinear, as the MNIST loader of the released SMT code does.</summary>
    [Choice("Resize", "Bilinear, as the MNIST loader of the released SMT code does.")]
    Resize,
}

/// <summary>Grey images in IDX files (the format of MNIST): images of three dimensions and, beside them, labels of one.</summary>
public static class IdxSource
{
    /// <summary>
    /// Opens the file of images (or the folder that holds it, training images first) and its labels, whose name has
    /// "labels" and "idx1" for "images" and "idx3"; without that file there are no classes. <paramref name="side"/> 0 takes that of the
    /// file.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A file is damaged; names the file and the place.</exception>
    public static ImageSource Open(string path, int side = 0, ImageFit fit = ImageFit.Pad)
    {
        var file =
            Find(path)
            ?? throw new FileNotFoundException(
                $"{path}: there are no IDX images (looked for a name with \"images\" and \"idx3\", such as train-images-idx3-ubyte.gz).",
                path
            );
        var images = IdxFile.Read(file, 3);
        var (count, height, width) = (images.Dimensions[0], images.Dimensions[1], images.Dimensions[2]);
        if (count == 0)
        {
            throw new InvalidDataException($"{file}: holds no image.");
        }
        if (height != width || height is 0 or > 1024)
        {
            throw new InvalidDataException($"{file}: images are {height}x{width}; they must be square, with a side of 1 to 1024.");
        }
        if (side == 0)
        {
            side = height;
        }
        if (side < height && fit == ImageFit.Pad)
        {
            throw new InvalidDataException(
                $"{file}: images are {height}x{width}, larger than the side {side} that they are to be padded to; use \"resize\"."
            );
        }

        var labelFile = System.IO.Path.Combine(
            System.IO.Path.GetDirectoryName(file)!,
            System
                .IO.Path.GetFileName(file)
                .Replace("images", "labels", StringComparison.Ordinal)
                .Replace("idx3", "idx1", StringComparison.Ordinal)
        );
        var labels = labelFile != file && File.Exists(labelFile) ? IdxFile.Read(labelFile, 1).Data : null;
        if (labels is not null && labels.Length != count)
        {
            throw new InvalidDataException($"{labelFile}: has {labels.Length} labels for the {count} images of {file}.");
        }
        return new MemorySource(
            path,
            1,
            side,
            labels is null ? 0 : labels.Max() + 1,
            Fit(images.Data, count, height, side, fit),
            labels is null ? null : Array.ConvertAll(labels, l => (int)l),
            [new SourcePart(System.IO.Path.GetFileName(file), count)]
        );
    }

    /// <summary>The file of images that a path means, or null.</summary>
    internal static string? Find(string path) =>
        File.Exists(path) ? (IsImages(path) ? path : null)
        : Directory.Exists(path)
            ? Directory
                .EnumerateFiles(path)
                .Where(IsImages)
                .OrderByDescending(f => System.IO.Path.GetFileName(f).StartsWith("train", StringComparison.Ordinal))
                .ThenBy(f => f, StringComparer.Ordinal)
                .FirstOrDefault()
        : null;

    private static bool IsImages(string path) =>
        System.IO.Path.GetFileName(path) is var name
        && name.Contains("images", StringComparison.Ordinal)
        && name.Contains("idx3", StringComparison.Ordinal);

    private static byte[] Fit(byte[] images, int count, int from, int to, ImageFit fit)
    {
        if (from == to)
        {
            return images;
        }
        var result = new byte[checked(count * to * to)];
        var border = (to - from) / 2;
        for (var i = 0; i < count; i++)
        {
            var image = images.AsSpan(i * from * from, from * from);
            if (fit == ImageFit.Resize)
            {
                Resampling.Resize(new Raster(from, from, 1, image.ToArray()), to, to).Pixels.CopyTo(result, i * to * to);
            }
            else
            {
                for (var y = 0; y < from; y++)
                {
                    image.Slice(y * from, from).CopyTo(result.AsSpan((((i * to) + y + border) * to) + border));
                }
            }
        }

        return result;
    }
}
