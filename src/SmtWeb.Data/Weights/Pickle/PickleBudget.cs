namespace SmtWeb.Data.Weights.Pickle;

/// <summary>
/// What reading one file may cost, its nested pickles included. The limits are far above any real file: the largest
/// EDM snapshot (ImageNet, 1.2 GB) takes some 50,000 opcodes and 5 MB.
/// </summary>
internal sealed class PickleBudget(long fileBytes)
{
    public const int MaxOpcodes = 4_000_000;
    public const int MaxStack = 500_000;
    public const int MaxMarks = 2_000;
    public const int MaxDepth = 500;
    public const int MaxNestedStreams = 2;
    public const int MaxStringBytes = 16 << 20;
    public const int LongText = 1 << 16;
    private const long MaxObjectBytes = 48L << 20;
    private const long TensorFloor = 64L << 20;
    private const long TensorTimesFile = 16;

    private long _opcodes;
    private long _objects;
    private long _tensors;

    /// <summary>Streams inside streams at the moment.</summary>
    public int NestedStreams { get; set; }

    public void Opcode()
    {
        if (++_opcodes > MaxOpcodes)
        {
            throw new WeightsException($"The pickle has more than {MaxOpcodes} opcodes.");
        }
    }

    /// <summary>Takes note of managed memory before it is used.</summary>
    public void Object(long bytes)
    {
        _objects += bytes;
        if (_objects > MaxObjectBytes)
        {
            throw new WeightsException(
                $"The pickle wants more than {MaxObjectBytes >> 20} MiB for its structure, tensors not counted; no file of weights does."
            );
        }
    }

    /// <summary>
    /// Takes note of a tensor as it will be written. Views may repeat elements (stride 0) and share storages, so a small
    /// file could describe any amount of data.
    /// </summary>
    public void Tensor(long bytes) => Check(_tensors += bytes);

    /// <summary>Checks the tensors that are handed out in the end: one tensor may stand under many names.</summary>
    public void Tensors(IEnumerable<WeightTensor> all)
    {
        long total = 0;
        foreach (var tensor in all)
        {
            Check(total += tensor.ByteCount);
        }
    }

    private void Check(long total)
    {
        if (total > TensorFloor && total / TensorTimesFile > fileBytes)
        {
            throw new WeightsException(
                $"The tensors of this file would take more than {TensorTimesFile} times its {fileBytes} bytes: they repeat the same data."
            );
        }
    }
}
