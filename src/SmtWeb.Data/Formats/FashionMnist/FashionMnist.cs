using System.Security.Cryptography;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Fashion-MNIST as grey bytes, padded from 28x28 to 32x32 with two pixels of background (0) on each side, as EDM's
/// dataset tool does. <see cref="Images"/> is [N,32,32] row-major.
/// </summary>
public sealed class FashionMnist
{
    /// <summary>Where the Debian package dataset-fashion-mnist puts it.</summary>
    public const string DefaultFolder = "/usr/share/datasets/fashion-mnist";

    /// <summary>Environment variable that names another folder.</summary>
    public const string FolderVariable = "SMTWEB_FASHION_MNIST";

    /// <summary>Side of the padded images.</summary>
    public const int Side = 32;

    private const int OriginalSide = 28;

    private FashionMnist(byte[] images, byte[] labels)
    {
        Images = images;
        Labels = labels;
    }

    /// <summary>Names of the ten classes, in the order of their labels.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>Number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>[N,32,32] bytes, 0 is background.</summary>
    public byte[] Images { get; }

    /// <summary>N labels, 0 to 9.</summary>
    public byte[] Labels { get; }

    /// <summary>Reads the 60,000 training images, or the 10,000 test images.</summary>
    /// <exception cref="FileNotFoundException">It is not installed; says how to install it.</exception>
    /// <exception cref="InvalidDataException">A file is damaged; names the file and the place.</exception>
    public static FashionMnist Load(bool train = true, string? folder = null)
    {
        folder ??= Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } other ? other : DefaultFolder;
        var prefix = Path.Combine(folder, train ? "train" : "t10k");
        return Load($"{prefix}-images-idx3-ubyte.gz", $"{prefix}-labels-idx1-ubyte.gz");
    }

    /// <summary>Reads images and labels from two IDX files.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged; names the file and the place.</exception>
    public static FashionMnist Load(string imagesPath, string labelsPath)
    {
        foreach (var path in new[] { imagesPath, labelsPath })
        {
            if (!File.Exists(path))
            {
                throw new FileNotFoundException(
                    $"{path} is missing. Install Fashion-MNIST with \"apt-get install dataset-fashion-mnist\", or set {FolderVariable} "
                        + "to the folder that holds the four .gz files.",
                    path
                );
            }
        }

        var images = IdxFile.Read(imagesPath, 3);
        var labels = IdxFile.Read(labelsPath, 1);
        if (images.Dimensions[1] != OriginalSide || images.Dimensions[2] != OriginalSide)
        {
            throw new InvalidDataException(
                $"{imagesPath}: images are {images.Dimensions[1]}x{images.Dimensions[2]}; expected {OriginalSide}x{OriginalSide}."
            );
        }
        if (images.Dimensions[0] != labels.Dimensions[0])
        {
            throw new InvalidDataException(
                $"{labelsPath}: has {labels.Dimensions[0]} labels for the {images.Dimensions[0]} images of {imagesPath}."
            );
        }
        var bad = labels.Data.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(ClassNames.Count - 1));
        if (bad >= 0)
        {
            throw new InvalidDataException($"{labelsPath}: label {bad} is {labels.Data[bad]}; expected 0 to {ClassNames.Count - 1}.");
        }

        return new FashionMnist(Pad(images.Data, images.Dimensions[0]), labels.Data);
    }

    /// <summary>
    /// What ties a run to these images; their files are as small as they are famous, so it is of the pixels and labels alone.
    /// </summary>
    public DataReceipt Receipt()
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(Images);
        sha.AppendData(Labels);
        var hash = Convert.ToHexStringLower(sha.GetHashAndReset());
        return new DataReceipt(hash, hash, Count, Images.LongLength + Labels.LongLength, 0);
    }

    private static byte[] Pad(byte[] images, int count)
    {
        const int border = (Side - OriginalSide) / 2;
        var padded = new byte[count * Side * Side];
        for (var i = 0; i < count; i++)
        {
            for (var y = 0; y < OriginalSide; y++)
            {
                images
                    .AsSpan(((i * OriginalSide) + y) * OriginalSide, OriginalSide)
                    .CopyTo(padded.AsSpan((((i * Side) + y + border) * Side) + border));
            }
        }
        return padded;
    }
}
