using System.Buffers.Binary;
using System.Text;

namespace SmtWeb.Torch;

/// <summary>What the ranks' store and its users tell each other: a kind, a key and a value.</summary>
internal readonly record struct StoreFrame(StoreFrame.Of Kind, string Key, byte[] Value)
{
    /// <summary>Kinds of frames.</summary>
    internal enum Of : byte
    {
        /// <summary>User: keep this value.</summary>
        Set = 1,

        /// <summary>User: send the value as soon as it is there.</summary>
        Get = 2,

        /// <summary>User: when this connection breaks, the rank that the key names is gone.</summary>
        Join = 3,

        /// <summary>User: it will close the connection now, and all is well. Store: it closes.</summary>
        Leave = 4,

        /// <summary>Store: the value of a key.</summary>
        Value = 5,

        /// <summary>Store: a rank is gone; the key says which and how.</summary>
        Lost = 6,
    }

    private const int Longest = 1 << 24; // nothing that ranks say at the store comes near it

    /// <summary>Writes a frame in one piece.</summary>
    internal void Write(Stream to)
    {
        var key = Encoding.UTF8.GetBytes(Key);
        var bytes = new byte[9 + key.Length + Value.Length];
        bytes[0] = (byte)Kind;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(5), Value.Length);
        key.CopyTo(bytes, 9);
        Value.CopyTo(bytes, 9 + key.Length);
        to.Write(bytes);
    }

    /// <summary>Waits for a frame.</summary>
    /// <exception cref="IOException">The connection broke, or what comes is no frame.</exception>
    internal static StoreFrame Read(Stream from)
    {
        Span<byte> head = stackalloc byte[9];
        from.ReadExactly(head);
        var (key, value) = (BinaryPrimitives.ReadInt32LittleEndian(head[1..]), BinaryPrimitives.ReadInt32LittleEndian(head[5..]));
        if (head[0] is < (byte)Of.Set or > (byte)Of.Lost || key is < 0 or > Longest || value is < 0 or > Longest)
        {
            throw new InvalidDataException("Something that is no rank of this run talks to the ranks' store.");
        }
        var bytes = new byte[key + value];
        from.ReadExactly(bytes);
        return new((Of)head[0], Encoding.UTF8.GetString(bytes, 0, key), bytes[key..]);
    }
}
