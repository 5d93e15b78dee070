using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Data.Weights;

/// <summary>
/// A tensor of a file of weights: known by name, type and shape, read when it is asked for. Whatever strides the file has,
/// its bytes come out little-endian and row-major.
/// </summary>
public sealed class WeightTensor
{
    private const int Chunk = 1 << 20;

    private readonly TorchTensor _view;

    internal WeightTensor(string name, TorchTensor view)
    {
        Name = name;
        _view = view;
    }

    /// <summary>Dotted name, as in a state dict.</summary>
    public string Name { get; }

    /// <summary>Element type.</summary>
    public SafetensorsType Type => _view.Storage.Type;

    /// <summary>Sides; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => _view.Shape;

    /// <summary>Bytes of the content.</summary>
    public long ByteCount => Shape.Aggregate((long)Type.Size(), (product, side) => product * side);

    /// <summary>The content in memory.</summary>
    /// <exception cref="WeightsException">The file is damaged here, or the tensor is beyond 2 GiB.</exception>
    public byte[] ToArray()
    {
        if (ByteCount > Array.MaxLength)
        {
            throw new WeightsException($"Tensor \"{Name}\" has {ByteCount} bytes, more than one array holds.");
        }
        using var bytes = new MemoryStream((int)ByteCount);
        CopyTo(bytes);
        return bytes.GetBuffer();
    }

    /// <summary>Writes the content in pieces.</summary>
    /// <exception cref="WeightsException">The file is damaged here.</exception>
    public void CopyTo(Stream destination)
    {
        if (ByteCount == 0)
        {
            return;
        }
        var size = Type.Size();
        if (IsContiguous())
        {
            var content = _view.Storage.Open().Slice(_view.Offset * size, ByteCount, $"Tensor \"{Name}\"");
            var buffer = new byte[(int)Math.Min(Chunk, ByteCount)];
            for (long at = 0; at < ByteCount; at += buffer.Length)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, ByteCount - at));
                content.Read(at, part, $"tensor \"{Name}\"");
                destination.Write(part);
            }
        }
        else
        {
            Gather(destination, size);
        }
    }

    /// <summary>An entry of a safetensors file that reads this tensor when it is written.</summary>
    /// <param name="name">Name in that file; null = this one.</param>
    public SafetensorsSource ToSource(string? name = null) => new(name ?? Name, Type, Shape, CopyTo);

    private bool IsContiguous()
    {
        long expected = 1;
        for (var k = _view.Shape.Length - 1; k >= 0; k--)
        {
            if (_view.Shape[k] != 1 && _view.Strides[k] != expected)
            {
                return false;
            }
            expected *= _view.Shape[k];
        }

        return true;
    }

    // The stretch of the storage that the view spans is in memory once; elements are picked in row-major order.
    private void Gather(Stream destination, int size)
    {
        var (shape, strides) = (_view.Shape, _view.Strides);
        long span = 1;
        for (var k = 0; k < shape.Length; k++)
        {
            span += (shape[k] - 1) * strides[k];
        }
        if (span * size > Array.MaxLength)
        {
            throw new WeightsException(
                $"Tensor \"{Name}\" is a view that spans {span * size} bytes; make it contiguous before it is stored."
            );
        }
        var source = _view.Storage.Open().Slice(_view.Offset * size, span * size, $"Tensor \"{Name}\"").ToArray($"tensor \"{Name}\"");

        var buffer = new byte[Chunk - (Chunk % size)];
        var filled = 0;
        var index = new long[shape.Length];
        long at = 0;
        for (var left = ByteCount / size; left > 0; left--)
        {
            source.AsSpan((int)(at * size), size).CopyTo(buffer.AsSpan(filled));
            filled += size;
            if (filled == buffer.Length || left == 1)
            {
                destination.Write(buffer.AsSpan(0, filled));
                filled = 0;
            }

            for (var k = shape.Length - 1; k >= 0; k--)
            {
                at += strides[k];
                if (++index[k] < shape[k])
                {
                    break;
                }
                at -= strides[k] * shape[k];
                index[k] = 0;
            }
        }
    }
}
