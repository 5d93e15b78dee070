using System.Text;
using CsCheck;
using SmtWeb.Data.Images;
using SmtWeb.Data.Weights;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;

namespace SmtWeb.Smt.Tests.Files;

/// <summary>
/// File formats, 10,000 cases a property: what is written is read as it was, and what is damaged is read or refused, with no other fault.
/// </summary>
public sealed class FormatPropertyTests : IDisposable
{
    private const int Cases = 10_000;

    private static readonly Gen<(int At, int How, byte[] Bytes)> Wounds = Gen.Select(
        Gen.Int[0, 100_000],
        Gen.Int[0, 3],
        Gen.Byte.Array[1, 8]
    );

    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-formats-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Safetensors_AnyTensors_ComeBackAsTheyWere() =>
        Gen.Select(
                Gen.Select(One(Enum.GetValues<SafetensorsType>()), Gen.Int[0, 3].Array[0, 3], Gen.String).Array[0, 5],
                Gen.Dictionary(Gen.String, Gen.String)[0, 3]
            )
            .Sample(
                (tensors, metadata) =>
                {
                    var random = new Random(tensors.Length);
                    var sources = tensors
                        .Where(t => Readable(t.Item3) && t.Item3 != "__metadata__")
                        .DistinctBy(t => t.Item3)
                        .Select(t => (Tensor: t, Bytes: Bytes(random, t.Item1.Size() * t.Item2.Aggregate(1, (a, b) => a * b), t.Item1)))
                        .ToList();
                    var facts = metadata.Where(m => Readable(m.Key) && Readable(m.Value)).ToDictionary();
                    using var stream = new MemoryStream();
                    SafetensorsWriter.Write(
                        stream,
                        sources.Select(s => new SafetensorsSource(
                            s.Tensor.Item3,
                            s.Tensor.Item1,
                            [.. s.Tensor.Item2.Select(n => (long)n)],
                            s.Bytes
                        )),
                        facts
                    );
                    stream.Position = 0;
                    var reader = SafetensorsReader.Open(stream);
                    Assert.Equal(facts, reader.Metadata);
                    var read = reader.Entries.ToDictionary(
                        e => e.Name,
                        e => (e.Type, Shape: string.Join(',', e.Shape), Bytes: reader.Read(e).ToArray())
                    );
                    reader.Finish();
                    Assert.Equal(sources.Count, read.Count);
                    Assert.All(
                        sources,
                        s =>
                            Assert.Equal(
                                (s.Tensor.Item1, string.Join(',', s.Tensor.Item2)),
                                (read[s.Tensor.Item3].Type, read[s.Tensor.Item3].Shape)
                            )
                    );
                    Assert.All(sources, s => Assert.Equal(s.Bytes, read[s.Tensor.Item3].Bytes));
                },
                iter: Cases,
                threads: 1
            );

    [Fact]
    public void Safetensors_Damaged_IsReadOrRefused()
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(
            stream,
            [new("a.weight", SafetensorsType.F32, [2, 3], new byte[24]), new("b", SafetensorsType.U8, [5], new byte[5])],
            new Dictionary<string, string> { ["format"] = "x", ["spec"] = "{}" }
        );
        OnlyRefuses(
            stream.ToArray(),
            bytes =>
            {
                var reader = SafetensorsReader.Open(new MemoryStream(bytes));
                foreach (var entry in reader.Entries)
                {
                    reader.Read(entry);
                }

                reader.Finish();
            }
        );
    }

    [Fact]
    public void Numpy_Damaged_IsReadOrRefused()
    {
        using var stream = new MemoryStream();
        new NpyArray([2, 3], [1, 2, 3, 4, 5, 6]).Write(stream);
        OnlyRefuses(stream.ToArray(), bytes => NpyArray.Read(new MemoryStream(bytes), "a.npy"));
    }

    [Fact]
    public void Png_Damaged_IsReadOrRefused()
    {
        var random = new Random(1);
        var png = new Raster(9, 7, 3, Bytes(random, 9 * 7 * 3, SafetensorsType.U8)).ToPng();
        OnlyRefuses(png, bytes => ImageDecoder.Decode(bytes));
    }

    [Fact]
    public void TeacherDescription_Damaged_IsReadOrRefused()
    {
        var description = TeacherFile.ToJson(
            new()
            {
                Name = "a",
                Network = new DdpmPpSpec(),
                Resolution = 32,
                Channels = 3,
                Classes = 10,
                SigmaData = 0.5,
                Parameters = 7,
                SourceFile = "a.pkl",
                SourceSha256 = "00",
                Source = "edm",
            }
        );
        OnlyRefuses(Encoding.UTF8.GetBytes(description), bytes => TeacherFile.FromJson(Encoding.UTF8.GetString(bytes)));
    }

    [Fact]
    public void FolderRun_DamagedLine_IsReadOrPassedOver() =>
        // of index.jsonl and metrics.jsonl, as a crash, a full disk or an editor leave them
        OnlyRefuses(
            """{"iteration":5,"imagesSeen":80,"seconds":1.5,"distance":0.25,"reason":"scheduled","sha256":"00"}"""u8.ToArray(),
            bytes =>
            {
                var line = Encoding.UTF8.GetString(bytes);
                var facts = FolderCheckpoints.Facts(line);
                Assert.True(facts is null || facts.Value.Iteration == FolderJournal.IterationOf(line), line);
            }
        );

    /// <summary>What readers stumbled over before there were these properties.</summary>
    [Theory]
    [InlineData("""{"iteration":5,"iteration":6}""")]
    [InlineData("""{"iterations":5}""")]
    [InlineData("""{"iteration":"5"}""")]
    [InlineData("""{"iteration":1.5}""")]
    [InlineData("[5]")]
    [InlineData("5")]
    [InlineData("null")]
    [InlineData("")]
    public void FolderRun_LineThatIsNone_IsPassedOver(string line)
    {
        var checkpoints = Directory.CreateDirectory(Path.Combine(_folder, "checkpoints")).FullName;
        File.WriteAllText(Path.Combine(checkpoints, "index.jsonl"), line + "\n");
        Assert.Null(new FolderCheckpoints(checkpoints, 5).Last);
        Assert.True(FolderJournal.IterationOf(line) is long.MaxValue or 6, "a line that is none is dropped");
    }

    /// <summary>What readers stumbled over before there were these properties.</summary>
    [Theory]
    [InlineData("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    [InlineData("{\"a\":{\"dtype\":\"\\ud800\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    public void Safetensors_NameThatIsNoText_IsRefused(string header)
    {
        byte[] file = [.. BitConverter.GetBytes((long)header.Length), .. Encoding.ASCII.GetBytes(header)];
        Assert.Contains("is none", Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(new MemoryStream(file))).Message);
    }

    /// <summary>What readers stumbled over before there were these properties.</summary>
    [Fact]
    public void TeacherDescription_NetworkWithoutKind_IsRefused() =>
        Assert.Throws<InvalidDataException>(() =>
            TeacherFile.FromJson(
                """{"name":"a","network":{},"resolution":32,"channels":3,"classes":0,"sigmaData":0.5,"parameters":7,"sourceFile":"","sourceSha256":"","source":""}"""
            )
        );

    private static void OnlyRefuses(byte[] good, Action<byte[]> read) =>
        Gen.Select(Wounds.Array[1, 3], Gen.Bool)
            .Sample(
                (wounds, _) =>
                {
                    try
                    {
                        read(wounds.Aggregate(good, Wound));
                    }
                    catch (Exception e) when (e is InvalidDataException or WeightsException)
                    {
                        // refused in words
                    }
                },
                iter: Cases,
                threads: 1
            );

    private static byte[] Wound(byte[] bytes, (int At, int How, byte[] Bytes) wound)
    {
        var at = bytes.Length == 0 ? 0 : wound.At % bytes.Length;
        var until = Math.Min(bytes.Length, at + wound.Bytes.Length);
        return wound.How switch
        {
            0 => [.. bytes[..at], .. wound.Bytes[..(until - at)], .. bytes[until..]],
            1 => [.. bytes[..at], .. bytes[until..]],
            2 => [.. bytes[..at], .. wound.Bytes, .. bytes[at..]],
            _ => bytes[..at],
        };
    }

    private static Gen<T> One<T>(params T[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);

    private static bool Readable(string text)
    {
        try
        {
            _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(text);
            return text.Length > 0;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    private static byte[] Bytes(Random random, int count, SafetensorsType type)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return type == SafetensorsType.BOOL ? Array.ConvertAll(bytes, b => (byte)(b & 1)) : bytes;
    }
}
