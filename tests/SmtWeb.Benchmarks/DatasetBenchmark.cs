using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Datasets;

namespace SmtWeb.Benchmarks;

/// <summary>
/// How fast data sets are read, decoded, mirrored and made tensors, against what training consumes: the same data under
/// the smallest network that ships (fashion-mnist-quick), in turns. Figures are images per second of processor time, which
/// a busy machine does not change; the wait is what the trainer stood still for.
/// </summary>
internal static class DatasetBenchmark
{
    private const int Records = 2000;
    private const int Batch = 64;

    public static void Run(Options options)
    {
        var folder = Directory.CreateTempSubdirectory("smtweb-bench-").FullName;
        Environment.SetEnvironmentVariable(DatasetRoot.Variable, folder);
        try
        {
            var images = Enumerable.Range(0, Records).Select(Picture).ToList();
            LmdbWriter.Write(Path.Combine(folder, "lmdb"), 3, 64, [.. images.Select((r, i) => (Planes(r), (long)(i % 1000)))]);
            Zip(Path.Combine(folder, "stored.zip"), images, CompressionLevel.NoCompression);
            Zip(Path.Combine(folder, "deflated.zip"), images, CompressionLevel.Optimal);
            var zip = new ZipSpec
            {
                Side = 64,
                Channels = 3,
                Classes = 10,
            };
            foreach (
                var (name, spec) in new (string, StoredDataSpec)[]
                {
                    ("LMDB 64x64", new ImageNet64Spec { Source = "lmdb" }),
                    ("zip 64x64, stored PNG", zip with { Source = "stored.zip" }),
                    ("zip 64x64, deflated PNG", zip with { Source = "deflated.zip" }),
                }
            )
            {
                for (var round = 1; round <= options.Rounds; round++)
                {
                    var (wall, cpu) = Read(spec, options.Iterations > 0 ? options.Iterations : 150);
                    var (training, waited) = Train(spec, options.Threads);
                    Console.WriteLine(
                        $"  {name, -24} round {round}: reads {cpu, 8:F0} images per processor second ({wall:F0}/s by the clock); "
                            + $"training takes {training, 6:F0}; ratio {cpu / training:F1}; waited {waited:P1} of the time"
                    );
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (double Wall, double Cpu) Read(StoredDataSpec spec, int batches)
    {
        using var data = TrainingData.Open(spec, 1, torch.CPU);
        Next(data);
        var (clock, cpu) = (Stopwatch.StartNew(), Process.GetCurrentProcess().TotalProcessorTime);
        for (var k = 0; k < batches; k++)
        {
            Next(data);
        }
        var images = batches * Batch;
        return (images / clock.Elapsed.TotalSeconds, images / (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
    }

    private static (double PerCpuSecond, double Waited) Train(StoredDataSpec data, int threads)
    {
        const int warmUp = 3,
            iterations = 12;
        var preset = Presets.Find("fashion-mnist-quick")!.Spec;
        var spec = preset with
        {
            Data = data,
            Method = (SmtSpec)preset.Method with { WarmupIterations = 0, ScoreFromWarmup = false },
            Optimisation = preset.Optimisation with { RampIterations = 0 },
            Evaluation = preset.Evaluation with
            {
                EveryIterations = 100_000_000,
                CheckpointEvery = 100_000_000,
                Samples = 64,
                FinalSamples = 64,
                GridColumns = 1,
            },
        };
        var journal = new BenchmarkJournal(warmUp + iterations);
        TrainingSession.Run(spec, journal, null, threads);

        // the wait is measured beside: reading ahead at the pace of a trainer that computes as long as this one did
        using var source = TrainingData.Open(data, 1, torch.CPU);
        Next(source);
        var (begin, pace) = (Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(journal.SecondsFrom(warmUp) / iterations));
        var before = source.Waited;
        using var idle = new ManualResetEventSlim();
        for (var k = 0; k < iterations; k++)
        {
            idle.Wait(pace);
            Next(source);
        }

        return (iterations * Batch / journal.CpuSecondsFrom(warmUp), (source.Waited - before) / Stopwatch.GetElapsedTime(begin));
    }

    private static void Next(TrainingData data)
    {
        using var scope = torch.NewDisposeScope();
        data.Next(Batch);
    }

    // smooth shapes with a little noise, so that PNG compresses it about as well as a photograph
    private static Raster Picture(int seed)
    {
        var random = new HostRandom((ulong)seed);
        var (a, b, c) = (random.NextDouble() * 6, random.NextDouble() * 6, random.NextDouble() * 200);
        var pixels = new byte[64 * 64 * 3];
        for (var k = 0; k < pixels.Length; k++)
        {
            var (x, y) = (k / 3 % 64 / 64.0, k / 192 / 64.0);
            pixels[k] = (byte)
                Math.Clamp((100 * Math.Sin(a + (5 * x) + (k % 3))) + (60 * Math.Cos(b * y)) + c + (random.NextNormal() * 6), 0, 255);
        }

        return new Raster(64, 64, 3, pixels);
    }

    private static byte[] Planes(Raster r)
    {
        var planes = new byte[r.Pixels.Length];
        var area = r.Width * r.Height;
        for (var k = 0; k < planes.Length; k++)
        {
            planes[(k % 3 * area) + (k / 3)] = r.Pixels[k];
        }
        return planes;
    }

    private static void Zip(string path, List<Raster> images, CompressionLevel level)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        for (var i = 0; i < images.Count; i++)
        {
            Write($"00000/img{i:D8}.png", images[i].ToPng());
        }
        Write(
            "dataset.json",
            Encoding.UTF8.GetBytes($"{{\"labels\": [{string.Join(",", images.Select((_, i) => $"[\"00000/img{i:D8}.png\",{i % 10}]"))}]}}")
        );

        void Write(string name, byte[] content)
        {
            using var entry = zip.CreateEntry(name, level).Open();
            entry.Write(content);
        }
    }
}
