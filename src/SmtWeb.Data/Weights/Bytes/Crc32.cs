namespace SmtWeb.Data.Weights.Bytes;

/// <summary>CRC-32 of zip and PNG (ISO 3309, reflected polynomial EDB88320), four bytes a step.</summary>
internal struct Crc32()
{
    private static readonly uint[] Table = MakeTable();

    private uint _state = uint.MaxValue;

    public readonly uint Value => ~_state;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        var crc = _state;
        var table = Table;
        for (; bytes.Length >= 4; bytes = bytes[4..])
        {
            crc ^= System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            crc =
                table[768 + (int)(crc & 255)]
                ^ table[512 + (int)((crc >> 8) & 255)]
                ^ table[256 + (int)((crc >> 16) & 255)]
                ^ table[(int)(crc >> 24)];
        }

        foreach (var b in bytes)
        {
            crc = (crc >> 8) ^ table[(int)((crc ^ b) & 255)];
        }
        _state = crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[1024];
        for (uint n = 0; n < 256; n++)
        {
            var c = n;
            for (var k = 0; k < 8; k++)
            {
                c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
            }
            table[n] = c;
        }

        for (var n = 256; n < 1024; n++)
        {
            table[n] = (table[n - 256] >> 8) ^ table[table[n - 256] & 255];
        }
        return table;
    }
}
