using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Data.Weights;
using SmtWeb.Measures.Inception;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;
using SmtWeb.Worker.Evaluation;

namespace SmtWeb.Worker.Tests;

/// <summary>
/// Nearest training images of a run on images of one's own: what is missing is said; measured by a process of its own, once.
/// </summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class NeighbourServiceTests(PostgresFixture postgres)
{
    private const int Side = 16,
        Images = 12;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task FindAsync_OwnImages_SaysWhatIsMissingThenMeasuresOnceAndFinds()
    {
        await using var database = await postgres.DatabaseAsync();
        var source = $"neighbours-{Guid.NewGuid():N}";
        var folder = Path.Combine(DatasetRoot.Folder, source);
        var metrics = Directory.CreateTempSubdirectory("smtweb-neighbour-service-").FullName;
        try
        {
            WriteImages(folder);
            long run = await RunAsync(database, source);
            var options = new NeighbourOptions
            {
                Folder = metrics,
                Threads = 1,
                Program = [WorkerHarness.Program],
            };
            using (var node = WorkerHarness.Host(database, services => services.AddGeneration(OneStepGenerator.Load, neighbours: options)))
            {
                await node.StartAsync();
                var service = node.Services.GetRequiredService<NeighbourService>();
                var spec = (await database.Store.FindAsync(run))!.Spec;
                var missing = Assert.IsType<NeighbourAnswer.Unavailable>(await service.FindAsync(run, null, 0, 1, 4));
                foreach (var part in new[] { metrics, "pt_inception-2015-12-05-6726825d.pth", "inception-2015-12-05.pt" })
                {
                    Assert.Contains(part, missing.Problem);
                }
                Assert.Equal(missing.Problem, service.Missing(spec.Data));

                WriteInception(metrics, trusted: false);
                Assert.Null(service.Missing(spec.Data));
                Assert.Contains(InceptionFiles.Sums, Assert.IsType<NeighbourAnswer.Unavailable>(await AnswerAsync(service, run)).Problem);

                WriteInception(metrics, trusted: true);
                var found = Assert.IsType<NeighbourAnswer.Found>(await AnswerAsync(service, run)).Result;
                Assert.Equal(
                    (4, Images, "inception-2015-12-05", source),
                    (found.Neighbours.Count, found.Images, found.Network, found.Dataset)
                );
                Assert.Equal(found.Neighbours.Select(n => n.Distance).Order(), found.Neighbours.Select(n => n.Distance));
                Assert.All(found.Neighbours, n => Assert.Equal(n.Index < Images / 2 ? "dark" : "light", n.ClassName));
                Assert.Equal("light", found.ClassName);
                Assert.InRange(found.RealMedian, found.RealLow, found.RealHigh);
                Assert.Null(service.MeasuringOf(spec.Data));
                await node.StopAsync();
            }

            // another node, or the same one after a restart, finds it measured
            var index = Assert.Single(Directory.GetFiles(Path.Combine(metrics, "cache"), "*.neighbours.safetensors"));
            var written = File.GetLastWriteTimeUtc(index);
            using (var again = WorkerHarness.Host(database, services => services.AddGeneration(OneStepGenerator.Load, neighbours: options)))
            {
                await again.StartAsync();
                Assert.IsType<NeighbourAnswer.Found>(await AnswerAsync(again.Services.GetRequiredService<NeighbourService>(), run));
                await again.StopAsync();
            }

            Assert.Equal(written, File.GetLastWriteTimeUtc(index));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            Directory.Delete(metrics, recursive: true);
        }
    }

    private static async Task<NeighbourAnswer> AnswerAsync(NeighbourService service, long run)
    {
        for (long begin = Stopwatch.GetTimestamp(); ; )
        {
            var answer = await service.FindAsync(run, null, 0, 1, 4);
            if (answer is not NeighbourAnswer.Measuring measuring)
            {
                return answer;
            }
            Assert.True(Stopwatch.GetElapsedTime(begin) < Patience, $"{measuring.Progress}");
        }
    }

    private static async Task<long> RunAsync(TestDatabase database, string source)
    {
        await using var worker = await WorkerHarness.StartAsync(database);
        var spec = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)Trouble.Real,
            Data = new FolderSpec
            {
                Source = source,
                Side = Side,
                Channels = 3,
                Classes = 2,
                ClassNames = ["dark", "light"],
            },
            Optimisation = spec.Optimisation with { BatchSize = 2 },
        };
        long run = await database.Store.CreateAsync(new("own images", spec, null, 0, "tester"));
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        return run;
    }

    private static void WriteImages(string folder)
    {
        for (var k = 0; k < Images; k++)
        {
            var ofClass = Directory.CreateDirectory(Path.Combine(folder, k < Images / 2 ? "dark" : "light")).FullName;
            File.WriteAllBytes(
                Path.Combine(ofClass, $"{k:D2}.png"),
                new Raster(
                    Side,
                    Side,
                    3,
                    [.. Enumerable.Range(0, Side * Side * 3).Select(i => (byte)((k * 20) + (i * (k + 3) % 17)))]
                ).ToPng()
            );
        }
    }

    // random weights under the right names, in a file that the operator declares trusted
    private static void WriteInception(string metrics, bool trusted)
    {
        const string name = "inception-2015-12-05.safetensors";
        var path = Path.Combine(metrics, name);
        var random = new Random(1);
        using (var file = File.Create(path))
        {
            SafetensorsWriter.Write(
                file,
                InceptionWeights
                    .Needed()
                    .Select(n =>
                    {
                        var values = new float[n.Shape.Aggregate(1L, (product, side) => product * side)];
                        var scale = n.Shape.Length > 1 ? Math.Sqrt(6.0 / (values.Length / n.Shape[0])) : 0;
                        for (var k = 0; k < values.Length; k++)
                        {
                            values[k] =
                                scale > 0 ? (float)(scale * ((2 * random.NextDouble()) - 1))
                                : n.Name.EndsWith("weight", StringComparison.Ordinal) || n.Name.EndsWith("var", StringComparison.Ordinal)
                                    ? 1
                                : 0;
                        }
                        return new SafetensorsSource(
                            n.Name,
                            SafetensorsType.F32,
                            n.Shape,
                            MemoryMarshal.AsBytes(values.AsSpan()).ToArray()
                        );
                    })
            );
        }

        using var written = File.OpenRead(path);
        File.WriteAllText(
            Path.Combine(metrics, InceptionFiles.Sums),
            trusted ? $"{Convert.ToHexStringLower(SHA256.HashData(written))}  {name}\n" : ""
        );
    }
}
