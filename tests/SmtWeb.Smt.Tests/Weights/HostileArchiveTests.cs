using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.PyTorch;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Weights;

/// <summary>Archives and pickles that ask for more than they hold.</summary>
public sealed class HostileArchiveTests
{
    [Fact]
    public void Open_ZipBomb_IsRefusedBeforeItIsUnpacked()
    {
        var bytes = Zip(CompressionLevel.SmallestSize, ("a/data.pkl", new byte[100 << 20]));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("zip bomb", Refusal(bytes));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    [Theory]
    [InlineData("../data.pkl")]
    [InlineData("/a/data.pkl")]
    [InlineData("a\\data.pkl")]
    [InlineData("C:/data.pkl")]
    public void Open_NameThatLeadsOut_IsRefused(string name) =>
        Assert.Contains("leads outside", Refusal(Zip(CompressionLevel.NoCompression, (name, [1, 2, 3]))));

    [Fact]
    public void Open_NameTwice_IsRefused() =>
        Assert.Contains("appears twice", Refusal(Zip(CompressionLevel.NoCompression, ("a/data.pkl", [1]), ("A/DATA.pkl", [2]))));

    [Fact]
    public void Open_EntriesThatShareBytes_AreRefused()
    {
        using var file = new MemoryStream();
        StateDictWriter.Write(file, [new("a", SafetensorsType.U8, [64], new byte[64]), new("b", SafetensorsType.U8, [64], new byte[64])]);
        var bytes = file.ToArray();

        // the directory's second storage is told to begin where the first one does, under the first one's name
        var text = Encoding.Latin1.GetString(bytes);
        var first = text.LastIndexOf("archive/data/0", StringComparison.Ordinal);
        var second = text.LastIndexOf("archive/data/1", StringComparison.Ordinal);
        bytes.AsSpan(first - 4, 4).CopyTo(bytes.AsSpan(second - 4));
        var headerName = text.IndexOf("archive/data/0", StringComparison.Ordinal);
        Assert.NotEqual(headerName, first);
        Assert.Contains("gives another name", Refusal(bytes));
    }

    [Fact]
    public void Open_DeflatedArchive_IsRead()
    {
        using var file = new MemoryStream();
        StateDictWriter.Write(file, [new("a", SafetensorsType.U8, [3], new byte[] { 7, 8, 9 })]);
        using var stored = new ZipArchive(file);
        var entries = stored
            .Entries.Select(e =>
            {
                using var content = new MemoryStream();
                using (var stream = e.Open())
                {
                    stream.CopyTo(content);
                }
                return (e.FullName, content.ToArray());
            })
            .ToArray();

        using var read = WeightsFile.Open(Zip(CompressionLevel.Optimal, entries));
        Assert.Equal([7, 8, 9], Assert.Single(read.Tensors).ToArray());
    }

    [Fact]
    public void Open_OneArrayUnderManyNames_IsRefused()
    {
        // {"0": array, "1": the same, …}: 1 MiB of data that would become 200 MiB
        using var pickle = new MemoryStream();
        void Write(string text) => pickle.Write(Encoding.Latin1.GetBytes(text));
        const int Length = 1 << 20;
        Write("\u0080\u0002}(X\u0001\0\0\0ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\u0085U\u0001btR");
        Write("q\u0001(K\u0001J");
        pickle.Write(BitConverter.GetBytes(Length));
        Write("\u0085cnumpy\ndtype\nX\u0002\0\0\0u1\u0085R\u0089B");
        pickle.Write(BitConverter.GetBytes(Length));
        pickle.Write(new byte[Length]);
        Write("tb");
        for (var k = 0; k < 200; k++)
        {
            Write($"X\u0003\0\0\0{k:D3}h\u0001");
        }
        Write("u.");
        Assert.Contains("repeat the same data", Refusal(pickle.ToArray()));
    }

    private static string Refusal(byte[] bytes) => Assert.Throws<WeightsException>(() => WeightsFile.Open(bytes)).Message;

    private static byte[] Zip(CompressionLevel level, params (string Name, byte[] Content)[] entries)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var stream = zip.CreateEntry(name, level).Open();
                stream.Write(content);
            }
        }

        return file.ToArray();
    }
}
