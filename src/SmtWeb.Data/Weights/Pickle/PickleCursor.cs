using System.Buffers.Binary;
using System.Text;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Pickle;

/// <summary>Reads opcodes and their arguments from a source through a small buffer.</summary>
internal sealed class PickleCursor(ByteSource source, long start)
{
    private const int MaxLine = 1 << 16;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[(int)Math.Min(1 << 14, Math.Max(1, source.Length))];
    private long _bufferStart;
    private int _filled;

    /// <summary>Position of the next byte.</summary>
    public long Position { get; private set; } = start;

    public byte Byte()
    {
        if (Position < _bufferStart || Position >= _bufferStart + _filled)
        {
            Refill();
        }
        return _buffer[(int)(Position++ - _bufferStart)];
    }

    public ushort UInt16()
    {
        Span<byte> bytes = stackalloc byte[2];
        Bytes(bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public uint UInt32()
    {
        Span<byte> bytes = stackalloc byte[4];
        Bytes(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public ulong UInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        Bytes(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public double BigEndianDouble()
    {
        Span<byte> bytes = stackalloc byte[8];
        Bytes(bytes);
        return BinaryPrimitives.ReadDoubleBigEndian(bytes);
    }

    /// <summary>A stretch of the source, passed over without reading it.</summary>
    public ByteSource Skip(ulong length, string what)
    {
        if (length > long.MaxValue || (long)length > source.Length - Position)
        {
            throw new WeightsException(
                $"The pickle announces {what} of {length} bytes at byte {Position}; only {source.Length - Position} are left."
            );
        }
        var slice = source.Slice(Position, (long)length, what);
        Position += (long)length;
        return slice;
    }

    /// <summary>UTF-8 text; Python lets lone surrogates pass, this reader does not.</summary>
    public string Text(ulong length)
    {
        if (length > PickleBudget.MaxStringBytes)
        {
            throw new WeightsException(
                $"The pickle announces a string of {length} bytes at byte {Position}; at most {PickleBudget.MaxStringBytes} are read."
            );
        }
        var at = Position;
        return Decode(Skip(length, "a string").ToArray("a string"), at);
    }

    /// <summary>Latin-1 text of the binary strings of Python 2.</summary>
    public string Latin1(ulong length)
    {
        if (length > PickleBudget.MaxStringBytes)
        {
            throw new WeightsException(
                $"The pickle announces a string of {length} bytes at byte {Position}; at most {PickleBudget.MaxStringBytes} are read."
            );
        }
        return Encoding.Latin1.GetString(Skip(length, "a string").ToArray("a string"));
    }

    /// <summary>Text up to a line feed.</summary>
    public string Line()
    {
        var at = Position;
        var line = new List<byte>();
        for (byte b; (b = Byte()) != '\n'; )
        {
            line.Add(b);
            if (line.Count > MaxLine)
            {
                throw new WeightsException($"The pickle has a line of more than {MaxLine} bytes at byte {at}.");
            }
        }

        return Decode([.. line], at);
    }

    public void Bytes(Span<byte> destination)
    {
        source.Read(Position, destination, "the pickle");
        Position += destination.Length;
    }

    private static string Decode(byte[] bytes, long at)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new WeightsException($"The pickle has text at byte {at} that is not UTF-8.", e);
        }
    }

    private void Refill()
    {
        var left = source.Length - Position;
        if (left <= 0)
        {
            throw new WeightsException($"The pickle ends at byte {source.Length} without its STOP opcode (cut off?).");
        }
        _filled = (int)Math.Min(left, _buffer.Length);
        _bufferStart = Position;
        source.Read(Position, _buffer.AsSpan(0, _filled), "the pickle");
    }
}
