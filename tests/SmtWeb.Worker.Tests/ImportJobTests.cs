using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Tests;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Teachers;
using SmtWeb.Worker.Imports;

namespace SmtWeb.Worker.Tests;

/// <summary>Imports of weights as jobs of their node, which may die at any moment.</summary>
[Trait("Needs", "Postgres")]
public sealed class ImportJobTests(PostgresFixture postgres)
{
    private const string FileName = "network.pkl",
        Model = "left-behind";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Import_OfAProcessThatDied_IsDoneByTheNextOneOnce(bool stored)
    {
        await using var database = await postgres.DatabaseAsync();
        var imports = database.Services.GetRequiredService<ModelImports>();
        var models = database.Services.GetRequiredService<IModelStore>();
        var folder = Directory.CreateTempSubdirectory("smtweb-weights-").FullName;
        try
        {
            File.Copy(GoldenFiles.Find("edm_pickle", FileName), Path.Combine(folder, FileName));
            var options = new ImportOptions(folder);
            await imports.QueueAsync(options.Queue, FileName, Model, "ada");
            Assert.Contains("already", (await imports.QueueAsync(options.Queue, FileName, Model, "bob")).Problem);

            // a process that begins and is not heard of again, or dies between storing the model and saying so
            var dead = (
                await database.Services.GetRequiredService<WorkItems>().ClaimAsync([options.Queue], "dead", TimeSpan.FromSeconds(15))
            )!;
            Assert.Equal(Model, (await imports.BeginAsync(dead))!.Name);
            if (stored)
            {
                using var import = TeacherImport.Open(Path.Combine(folder, FileName), Model);
                await models.AddAsync(import.Description, "ada", stream => import.Write(stream));
            }

            await database.SqlAsync("UPDATE work_items SET lease_until = now() - interval '1 second'");
            await Faults.UpForALeaseAsync(database);
            using var host = WorkerHarness.Host(database, services => services.AddImports(options));
            await host.StartAsync();
            await Faults.UntilAsync(async () => !Assert.Single(await imports.NewestAsync(options.Queue)).IsOpen, "the import");
            var done = Assert.Single(await imports.NewestAsync(options.Queue));
            Assert.True(done.State == ModelImportState.Done, done.Problem);
            Assert.Equal("ada", (await models.FindAsync(Model))!.By);

            // who comes back from the dead changes nothing
            Assert.False(await imports.RenewAsync(dead, 1, TimeSpan.FromSeconds(15)));
            await imports.EndAsync(dead, "too late");
            Assert.Equal(ModelImportState.Done, Assert.Single(await imports.NewestAsync(options.Queue)).State);
            Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM work_items"));
            await host.StopAsync();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
