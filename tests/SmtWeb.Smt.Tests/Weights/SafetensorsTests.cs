using System.Buffers.Binary;
using System.Text;
using SmtWeb.Data.Weights;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Weights;

public sealed class SafetensorsTests
{
    [Fact]
    public void Write_EveryType_ReadsBackEqual()
    {
        var sources = Enum.GetValues<SafetensorsType>()
            .Reverse()
            .Select(
                (type, i) =>
                    new SafetensorsSource(
                        $"t.{type}",
                        type,
                        [3, i],
                        Enumerable.Range(0, 3 * i * type.Size()).Select(b => (byte)(b * 7 + i)).ToArray()
                    )
            )
            .Append(new SafetensorsSource("scalar", SafetensorsType.F32, [], new byte[] { 1, 2, 3, 4 }))
            .ToList();
        using var file = new MemoryStream();
        SafetensorsWriter.Write(file, sources, new Dictionary<string, string> { ["iteration"] = "12", ["name"] = "Ä \"quoted\"" });

        var reader = SafetensorsReader.Open(new OneWayStream(file.ToArray()));
        Assert.Equal("12", reader.Metadata["iteration"]);
        Assert.Equal("Ä \"quoted\"", reader.Metadata["name"]);
        Assert.Equal(sources.Count, reader.Entries.Count);
        foreach (var entry in reader.Entries)
        {
            var source = sources.Single(s => s.Name == entry.Name);
            using var expected = new MemoryStream();
            source.Write(expected);
            Assert.Equal(source.Type, entry.Type);
            Assert.Equal(source.Shape, entry.Shape);
            Assert.Equal(0, entry.Offset % entry.Type.Size());
            Assert.Equal(expected.ToArray(), reader.Read(entry));
        }

        reader.Finish();
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(file.ToArray()) % 8);
    }

    [Fact]
    public void Read_LastTensorOnly_SkipsTheOthersAndCannotGoBack()
    {
        using var file = new MemoryStream();
        SafetensorsWriter.Write(
            file,
            [new("a", SafetensorsType.U8, [100_000], new byte[100_000]), new("b", SafetensorsType.U8, [2], new byte[] { 8, 9 })]
        );
        var reader = SafetensorsReader.Open(new OneWayStream(file.ToArray()));
        var bytes = new byte[2];
        reader.Read(reader.Entries[1], bytes);
        Assert.Equal([8, 9], bytes);
        Assert.Throws<InvalidOperationException>(() => reader.Read(reader.Entries[0]));
    }

    [Fact]
    public void Write_SourceOfWrongLength_Throws()
    {
        var error = Assert.Throws<InvalidOperationException>(() =>
            SafetensorsWriter.Write(new MemoryStream(), [new("w", SafetensorsType.F32, [2], new byte[4])])
        );
        Assert.Contains("\"w\" wrote 4 bytes", error.Message);
    }

    [Fact]
    public void Write_NameTwice_Throws() =>
        Assert.Throws<ArgumentException>(() =>
            SafetensorsWriter.Write(
                new MemoryStream(),
                [new("w", SafetensorsType.U8, [0], Array.Empty<byte>()), new("w", SafetensorsType.U8, [0], Array.Empty<byte>())]
            )
        );

    [Theory]
    [InlineData("", "its first 8 bytes")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"a\":", "not JSON")]
    [InlineData("{\"a\":1}", "\"a\" is not described")]
    [InlineData("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "\"a\" has no dtype")]
    [InlineData("{\"a\":{\"dtype\":\"F8\",\"shape\":[1],\"data_offsets\":[0,4]}}", "has dtype \"F8\"")]
    [InlineData("{\"a\":{\"dtype\":\"1\",\"shape\":[1],\"data_offsets\":[0,4]}}", "has dtype \"1\"")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "no list \"shape\"")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "has -1 in \"shape\"")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", "has 1.5 in \"shape\"")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", "beyond 2^63")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", "takes 8 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "[4,0]")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "1 data_offsets")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "overlap or gap")]
    [InlineData(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
        "overlap or gap"
    )]
    [InlineData(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "appears twice"
    )]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "\"a\" is not a string")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "describes 8 bytes of data, the file holds 4")]
    public void Open_MalformedHeader_SaysWhat(string header, string message)
    {
        byte[] file =
            header.Length == 0
                ? [1, 2, 3]
                : [.. BitConverter.GetBytes((ulong)header.Length), .. Encoding.UTF8.GetBytes(header), 0, 0, 0, 0];
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(new MemoryStream(file)));
        Assert.Contains(message, error.Message);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(100_000_001UL)]
    [InlineData(ulong.MaxValue)]
    public void Open_HeaderLengthOutOfBounds_IsRefused(ulong length) =>
        Assert.Contains(
            length.ToString(),
            Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(new MemoryStream(BitConverter.GetBytes(length)))).Message
        );

    [Fact]
    public void Read_HugeClaimOnShortPipe_TakesNoMemoryForIt()
    {
        var header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2000000000],\"data_offsets\":[0,2000000000]}}";
        var reader = SafetensorsReader.Open(
            new OneWayStream([.. BitConverter.GetBytes((ulong)header.Length), .. Encoding.UTF8.GetBytes(header), 1, 2])
        );
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidDataException>(() => reader.Read(reader.Entries[0]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 50_000_000);
    }

    [Fact]
    public void Open_EveryPrefixOfAFile_IsRefused()
    {
        using var file = new MemoryStream();
        SafetensorsWriter.Write(file, [new("weight", SafetensorsType.F32, [3], new byte[12])]);
        for (var length = 0; length < file.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() =>
            {
                var reader = SafetensorsReader.Open(new OneWayStream(file.ToArray()[..length]));
                reader.Finish();
            });
        }
    }

    /// <summary>A stream as from a database or a pipe: forward only, a few bytes at a time.</summary>
    private sealed class OneWayStream(byte[] data) : MemoryStream(data)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1000));
    }
}
