namespace SmtWeb.Runs.Entities;

/// <summary>
/// An imported model (a teacher of distillation); its bytes are <see cref="ModelChunkRow"/>s, stored in the same transaction.
/// </summary>
public sealed class ModelRow
{
    /// <summary>Identity.</summary>
    public long Id { get; set; }

    /// <summary>Unique name, by which runs call it.</summary>
    public required string Name { get; set; }

    /// <summary>What it is: <c>TeacherDescription</c> as JSON.</summary>
    public required string Description { get; set; }

    /// <summary>Length of the safetensors file.</summary>
    public long Bytes { get; set; }

    /// <summary>Number of chunks.</summary>
    public int Chunks { get; set; }

    /// <summary>SHA-256 of the safetensors file, lower-case hex.</summary>
    public required string Sha256 { get; set; }

    /// <summary>When it was imported.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>Who imported it.</summary>
    public required string By { get; set; }
}

/// <summary>A stretch of at most 8 MiB of a model.</summary>
public sealed class ModelChunkRow
{
    /// <summary>The model.</summary>
    public long ModelId { get; set; }

    /// <summary>0 for the first.</summary>
    public int Index { get; set; }

    /// <summary>SHA-256 of <see cref="Bytes"/>.</summary>
    public required byte[] Sha256 { get; set; }

    /// <summary>The bytes (STORAGE EXTERNAL: weights do not compress).</summary>
    public required byte[] Bytes { get; set; }
}
