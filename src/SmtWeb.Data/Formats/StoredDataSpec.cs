using SmtWeb.Data.Settings;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Images in files of the operator: a registered data set, or a path below the folder of data sets (<see cref="DatasetRoot"/>).
/// </summary>
public abstract record StoredDataSpec : DataSpec
{
    /// <summary>Name of a registered data set, or a path below the folder of data sets. A stored run holds the path.</summary>
    [Setting("Data set", "Name of a registered data set, or a path below the folder of data sets.", Min = 1, Max = 400, MayChange = true)]
    public string Source { get; init; } = "";

    /// <summary>Mirror images at random with probability 1/2.</summary>
    [Setting("Horizontal flips", "Mirror images at random with probability 1/2.")]
    public bool HorizontalFlips { get; init; } = true;

    /// <summary>Condition generator and score network on the class, where the data have labels.</summary>
    [Setting("Class-conditional", "Condition both networks on the class label, where the data have labels.")]
    public bool Conditional { get; init; } = true;

    /// <summary>Take the next record in place of one that cannot be read, and say so in the log; else the run stops there.</summary>
    [Setting(
        "Skip corrupt records",
        "Take the next record in place of one that cannot be read; otherwise the run stops and names it.",
        MayChange = true
    )]
    public bool SkipCorrupt { get; init; }

    /// <summary>SHA-256 of the content as it was registered, or empty: part of the run's identity.</summary>
    [Setting("SHA-256", "Hash of the registered content; filled in when the data set is chosen.", Max = 64, MayChange = true)]
    public string Sha256 { get; init; } = "";
}

/// <summary>CIFAR-10 as published.</summary>
[Choice("CIFAR-10", "50,000 colour photographs of 32x32 in ten classes: the binary or python version, as .tar.gz or unpacked.")]
public sealed record Cifar10Spec : StoredDataSpec
{
    /// <summary>Unconditional, as in the paper's Table 3.</summary>
    public Cifar10Spec() => Conditional = false;
}

/// <summary>ImageNet at 64x64 in the LMDB layout of DMD2 and SMT.</summary>
[Choice("ImageNet 64x64 (LMDB)", "1,281,167 colour photographs in 1,000 classes, in the LMDB layout of DMD2 and SMT.")]
public sealed record ImageNet64Spec : StoredDataSpec;

/// <summary>Images whose size and classes are read from the data, when they are registered or when a run starts in the shell.</summary>
public abstract record ShapedDataSpec : StoredDataSpec
{
    /// <summary>Height and width; 0 takes those of the data.</summary>
    [Setting("Side", "Height and width of the images; 0 takes those of the registered data set.", Min = 0, Max = 1024)]
    public int Side { get; init; }

    /// <summary>1 is grey, 3 is RGB; 0 takes that of the data.</summary>
    [Setting("Channels", "1 is grey, 3 is RGB; 0 takes that of the registered data set.", Min = 0, Max = 3)]
    public int Channels { get; init; }

    /// <summary>Number of classes, 0 for none or those of the data.</summary>
    [Setting("Classes", "Number of classes; 0 for none, or those of the registered data set.", Min = 0, Max = 100_000)]
    public int Classes { get; init; }

    /// <summary>Names of the classes in the order of their labels; empty shows numbers.</summary>
    [Setting("Class names", "Names of the classes in the order of their labels; empty shows numbers.", Min = 0, Max = 100_000)]
    public IReadOnlyList<string> ClassNames { get; init; } = [];
}

/// <summary>A dataset zip of EDM.</summary>
[Choice("EDM dataset zip", "A zip of EDM's dataset_tool: square PNG files, grey or RGB, with labels in dataset.json or none.")]
public sealed record ZipSpec : ShapedDataSpec;

/// <summary>A folder of images.</summary>
[Choice(
    "Folder of images",
    "PNG and JPEG files in one folder for each class, or without classes; cropped to the middle square and resized."
)]
public sealed record FolderSpec : ShapedDataSpec;

/// <summary>IDX files.</summary>
[Choice("IDX files", "Grey images as MNIST stores them: a file of images, and a file of labels beside it.")]
public sealed record IdxSpec : ShapedDataSpec
{
    /// <summary>MNIST's 28x28 are padded to 32x32, which U-Nets can halve.</summary>
    public IdxSpec() => (Side, Channels) = (32, 1);

    /// <summary>How images come to the wanted side.</summary>
    [Setting("Fit", "How images of another side come to the wanted one.")]
    public ImageFit Fit { get; init; } = ImageFit.Pad;
}
