using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.TestTrainer;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Tests;

/// <summary>From somebody's snapshot to a one-step generator: import, distil, draw.</summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class ImportedTeacherTests(PostgresFixture postgres)
{
    private const int Side = 8,
        Classes = 3;

    [Fact]
    public async Task Snapshot_ImportedAndDistilled_DrawsInOneStep()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = database.Services.GetRequiredService<IModelStore>();
        using (var import = TeacherImport.Open(GoldenFiles.Find("edm_pickle", "network-snapshot.pkl"), "tiny-edm"))
        {
            await models.AddAsync(import.Description, "tester", stream => import.Write(stream), TestContext.Current.CancellationToken);
        }
        var teacher = (await models.FindAsync("tiny-edm", TestContext.Current.CancellationToken))!.Description;
        Assert.Equal((Side, 3, Classes), (teacher.Resolution, teacher.Channels, teacher.Classes));

        var source = Images();
        var preset = Presets.Find("paper/cifar10-smd")!.Spec.ForQuickTest();
        var start = preset with
        {
            Seed = (long)Trouble.Real,
            Data = new FolderSpec
            {
                Source = source,
                Side = Side,
                Channels = 3,
                Classes = Classes,
            },
            Hardware = preset.Hardware with { Precision = Precision.Float32 },
        };
        // the patch that `smtweb import` prints, as REST takes it
        using var patch = System.Text.Json.JsonDocument.Parse(teacher.DistillationPatch("tiny-edm"));
        var (spec, errors) = SpecJson.Merge(start, patch.RootElement);
        Assert.Empty(errors);
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await database.Store.CreateAsync(new("distilled", spec!, null, 0, "tester"));
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Directory.Delete(Path.Combine(DatasetRoot.Folder, source), recursive: true);
        var points = (await database.Store.MetricsAsync(run)).Points;
        Assert.Contains(points, p => p.Name == MetricNames.RatioLoss && double.IsFinite(p.Value));
        Assert.Contains(points, p => p.Name == MetricNames.GeneratorLoss && double.IsFinite(p.Value));

        await using var service = new GenerationService(
            database.Store,
            OneStepGenerator.Load,
            new(),
            NullLogger<GenerationService>.Instance
        );
        var drawn = Assert.IsType<GenerationResult.Done>(await service.GenerateAsync(new(run, null, [1, 2], [0, 2]))).Images!;
        Assert.Equal((2, Side, Side, 3), (drawn.Count, drawn.Height, drawn.Width, drawn.Channels));
        Assert.True(drawn.Pixels.Distinct().Count() > 8, "A teacher's weights draw more than a flat colour.");
    }

    private static string Images()
    {
        var source = $"tiny-{Guid.NewGuid():N}";
        var noise = new Random(1);
        for (var k = 0; k < 12; k++)
        {
            var folder = Directory.CreateDirectory(Path.Combine(DatasetRoot.Folder, source, $"class {k % Classes}")).FullName;
            File.WriteAllBytes(
                Path.Combine(folder, $"{k}.png"),
                new Raster(
                    Side,
                    Side,
                    3,
                    [.. Enumerable.Range(0, Side * Side * 3).Select(i => (byte)((i % 3 == k % Classes ? 200 : 40) + noise.Next(20)))]
                ).ToPng()
            );
        }

        return source;
    }
}
