namespace SmtWeb.Runs.Entities;

/// <summary>A registered data set: where it lies below the folder of data sets, and what its check found.</summary>
public sealed class DatasetRow
{
    /// <summary>Identity.</summary>
    public long Id { get; set; }

    /// <summary>Name for people; unique.</summary>
    public required string Name { get; set; }

    /// <summary>Path below the folder of data sets; unique. Specs of stored runs hold it.</summary>
    public required string Path { get; set; }

    /// <summary><c>kind</c> of the data spec; empty until the check has told it.</summary>
    public required string Kind { get; set; }

    /// <summary>Pass over corrupt records in the check and in training.</summary>
    public bool SkipCorrupt { get; set; }

    /// <summary>Side that images of a folder are brought to; 0 takes that of the data.</summary>
    public int WantedSide { get; set; }

    /// <summary>State of the registration.</summary>
    public Datasets.DatasetState State { get; set; }

    /// <summary>Why it failed, for people.</summary>
    public string? Problem { get; set; }

    /// <summary>What the check does at the moment.</summary>
    public string? Phase { get; set; }

    /// <summary>Share of the check that is done, 0 to 1.</summary>
    public double Progress { get; set; }

    /// <summary>SHA-256 of the content.</summary>
    public string? Sha256 { get; set; }

    /// <summary>Bytes of all files.</summary>
    public long Bytes { get; set; }

    /// <summary>Records that can be read.</summary>
    public int Records { get; set; }

    /// <summary>Height and width.</summary>
    public int Side { get; set; }

    /// <summary>1 grey, 3 RGB.</summary>
    public int Channels { get; set; }

    /// <summary>Names of the classes where the data have any.</summary>
    public string[] ClassNames { get; set; } = [];

    /// <summary>Records of each class; empty without labels.</summary>
    public int[] ClassCounts { get; set; } = [];

    /// <summary>Records that cannot be read.</summary>
    public int CorruptCount { get; set; }

    /// <summary>The first of them, one line each.</summary>
    public string[] Corrupt { get; set; } = [];

    /// <summary>Grid of real samples (PNG).</summary>
    public byte[]? Samples { get; set; }

    /// <summary>What the check found that a person should know, each in a line: files passed over, pixels changed.</summary>
    public string[] Notes { get; set; } = [];

    /// <summary>Columns of the grid.</summary>
    public int SampleColumns { get; set; }

    /// <summary>Labels of its cells, -1 without.</summary>
    public int[] SampleLabels { get; set; } = [];

    /// <summary>Who registered it.</summary>
    public required string CreatedBy { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>When the last check ended.</summary>
    public DateTimeOffset? Checked { get; set; }
}
