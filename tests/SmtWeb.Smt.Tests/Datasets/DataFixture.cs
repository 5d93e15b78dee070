using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>Tiny data sets of every kind, below a folder of data sets of the tests' own.</summary>
internal static class DataFixture
{
    public const int Records = 24;

    private static readonly object Gate = new();

    /// <summary>Each kind's spec.</summary>
    public static IReadOnlyList<StoredDataSpec> All =>
        [
            new Cifar10Spec { Source = "cifar-10-batches-bin", Conditional = true },
            new ImageNet64Spec { Source = "imagenet-lmdb" },
            new ZipSpec { Source = "pictures.zip" },
            new FolderSpec { Source = "folder", Side = 32 },
            new IdxSpec { Source = "idx" },
        ];

    /// <summary>The spec of a kind with its data written.</summary>
    public static StoredDataSpec Make(string kind)
    {
        var spec = All.Single(s => s.GetType().Name == kind);
        lock (Gate)
        {
            var path = Path.Combine(DatasetRoot.Folder, spec.Source);
            if (!Path.Exists(path))
            {
                Write(spec, path);
            }
        }

        return spec;
    }

    /// <summary>A colour picture: a gradient that depends on the class, and one pixel that depends on the record.</summary>
    public static Raster Picture(int side, int channels, int label, int record)
    {
        var pixels = new byte[side * side * channels];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)((label * 20) + ((i / channels) % side * 4));
        }
        pixels[0] = (byte)record;
        return new Raster(side, side, channels, pixels);
    }

    [ModuleInitializer]
    internal static void UseFoldersOfTheTests()
    {
        var (data, metrics) = (
            Directory.CreateTempSubdirectory("smtweb-datasets-").FullName,
            Directory.CreateTempSubdirectory("smtweb-no-metrics-").FullName
        );
        Environment.SetEnvironmentVariable(DatasetRoot.Variable, data);
        Environment.SetEnvironmentVariable(SmtWeb.Measures.MetricsFolder.Variable, metrics);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            Directory.Delete(data, recursive: true);
            Directory.Delete(metrics, recursive: true);
        };
    }

    private static byte[] Planes(Raster r) =>
        [
            .. Enumerable
                .Range(0, r.Channels)
                .SelectMany(c => Enumerable.Range(0, r.Width * r.Height).Select(k => r.Pixels[(k * r.Channels) + c])),
        ];

    private static void Write(StoredDataSpec spec, string path)
    {
        Directory.CreateDirectory(DatasetRoot.Folder);
        var records = Enumerable.Range(0, Records).ToList();
        switch (spec)
        {
            case Cifar10Spec:
                Directory.CreateDirectory(path);
                File.WriteAllBytes(
                    Path.Combine(path, "data_batch_1.bin"),
                    [.. records.SelectMany(i => new byte[] { (byte)(i % 10) }.Concat(Planes(Picture(32, 3, i % 10, i))))]
                );
                break;
            case ImageNet64Spec:
                LmdbWriter.Write(path, 3, 64, [.. records.Select(i => (Planes(Picture(64, 3, i % 4, i)), (long)(i % 4)))]);
                break;
            case ZipSpec:
                using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
                {
                    foreach (var i in records)
                    {
                        WriteEntry(zip, $"00000/img{i:D8}.png", Picture(16, 3, i % 3, i).ToPng());
                    }
                    WriteEntry(
                        zip,
                        "dataset.json",
                        Encoding.UTF8.GetBytes(
                            $"{{\"labels\": [{string.Join(", ", records.Select(i => $"[\"00000/img{i:D8}.png\", {i % 3}]"))}]}}"
                        )
                    );
                }

                break;
            case FolderSpec:
                foreach (var i in records)
                {
                    var folder = Path.Combine(path, i % 2 == 0 ? "cats" : "dogs");
                    Directory.CreateDirectory(folder);
                    File.WriteAllBytes(Path.Combine(folder, $"{i:D3}.png"), Picture(40, 3, i % 2, i).ToPng());
                }

                break;
            case IdxSpec:
                Directory.CreateDirectory(path);
                File.WriteAllBytes(
                    Path.Combine(path, "train-images-idx3-ubyte"),
                    [0, 0, 8, 3, 0, 0, 0, Records, 0, 0, 0, 28, 0, 0, 0, 28, .. records.SelectMany(i => Picture(28, 1, i % 5, i).Pixels)]
                );
                File.WriteAllBytes(
                    Path.Combine(path, "train-labels-idx1-ubyte"),
                    [0, 0, 8, 1, 0, 0, 0, Records, .. records.Select(i => (byte)(i % 5))]
                );
                break;
        }
    }

    private static void WriteEntry(ZipArchive zip, string name, byte[] content)
    {
        using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        entry.Write(content);
    }
}
