using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Tests;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Tests;

/// <summary>What <c>$.method.teacher</c> may name.</summary>
[Trait("Needs", "Postgres")]
public sealed class TeacherLookupTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Open_NameOfAnImportedModel_GivesItsFile()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = database.Services.GetRequiredService<IModelStore>();
        var description = new TeacherDescription
        {
            Name = "edm-cifar10",
            Network = new DdpmPpSpec(),
            Resolution = 32,
            Channels = 3,
            Classes = 0,
            SigmaData = 0.5,
            Parameters = 1,
            SourceFile = "edm.pkl",
            SourceSha256 = "",
            Source = "test",
        };
        await models.AddAsync(description, "tester", stream => stream.Write([1, 2, 3]), TestContext.Current.CancellationToken);

        await using var file = TeacherLookup.Open(database.Store, models, "edm-cifar10");
        using var read = new MemoryStream();
        await file.CopyToAsync(read, TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3], read.ToArray());
    }

    [Fact]
    public async Task Open_NothingOfThatName_SaysWhatToName()
    {
        await using var database = await postgres.DatabaseAsync();
        var models = database.Services.GetRequiredService<IModelStore>();
        Assert.Contains(
            "smtweb import",
            Assert.Throws<FileNotFoundException>(() => TeacherLookup.Open(database.Store, models, "../../etc/passwd")).Message
        );
        Assert.Contains(
            "run 7 does not exist",
            Assert.Throws<FileNotFoundException>(() => TeacherLookup.Open(database.Store, models, "7")).Message
        );
    }
}
