using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

/// <summary>Registered data sets: registration, the queue of checks, and what new runs take from them.</summary>
[Trait("Needs", "Postgres")]
public sealed class DatasetTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private static readonly DatasetReport Report = new(
        "zip",
        "/x/pictures.zip",
        new string('a', 64),
        12345,
        300,
        32,
        3,
        3,
        ["cat", "dog", "owl"],
        [100, 120, 80],
        1,
        [new CorruptRecord(7, "00000/img7.png", "it is cut short")],
        10,
        [0, 1, 2]
    )
    {
        Notes = [new DatasetNote("files .webp, which are not read", 12, "cat/1.webp")],
    };

    [Fact]
    public async Task Register_CheckedAndChosen_FillsTheSpecOfARun()
    {
        await using var database = await postgres.DatabaseAsync();
        var (store, checks) = Services(database);
        var id = await store.RegisterAsync(new("Pictures", "pictures.zip", "", SkipCorrupt: true, 0, "tester"));
        Assert.Equal(DatasetState.Queued, (await store.FindAsync(id))!.State);
        await RefusedAsync(
            "$.data.source",
            "not ready (queued)",
            () => database.Store.CreateAsync(Run(new ZipSpec { Source = "Pictures" }))
        );

        var check = await ClaimAsync(database, Lease);
        Assert.Equal((id, "pictures.zip", true), (check!.Id, check.Path, check.SkipCorrupt));
        Assert.Null(await ClaimAsync(database, Lease));
        Assert.True(await checks.ProgressAsync(check, new("records", 150, 300), Lease));
        Assert.Equal(("records", 0.5), ((await store.FindAsync(id))!.Phase, (await store.FindAsync(id))!.Progress));
        Assert.True(await checks.CompleteAsync(check, Report, [1, 2, 3]));

        var found = Assert.Single(await store.ListAsync());
        Assert.Equal(
            (DatasetState.Ready, 300, 32, 3, 3, "owl"),
            (found.State, found.Records, found.Side, found.Channels, found.Classes, found.ClassName(2))
        );
        Assert.Contains("record 7 (00000/img7.png)", Assert.Single(found.Corrupt));
        Assert.Equal(["12 files .webp, which are not read, such as cat/1.webp"], found.Notes);
        Assert.Equal([1, 2, 3], (await store.SamplesPngAsync(id))!);

        foreach (var source in new[] { "Pictures", "pictures.zip" })
        {
            var run = await database.Store.FindAsync(
                await database.Store.CreateAsync(Run(new ZipSpec { Source = source, HorizontalFlips = false }))
            );
            var data = Assert.IsType<ZipSpec>(run!.Spec.Data);
            Assert.Equal(
                ("pictures.zip", 32, 3, 3, false, true),
                (data.Source, data.Side, data.Channels, data.Classes, data.HorizontalFlips, data.SkipCorrupt)
            );
            Assert.Equal(Report.Sha256, data.Sha256);
            Assert.Equal(["cat", "dog", "owl"], data.ClassNames);
        }

        await RefusedAsync(
            "$.data.kind",
            "is of the kind \"zip\"",
            () => database.Store.CreateAsync(Run(new FolderSpec { Source = "Pictures" }))
        );
        await RefusedAsync(
            "$.data.source",
            "is not registered",
            () => database.Store.CreateAsync(Run(new ZipSpec { Source = "others.zip" }))
        );
        // what a spec says of its data is compared with what is registered
        var own = new ZipSpec
        {
            Source = "Pictures",
            Sha256 = Report.Sha256.ToUpperInvariant(),
            ClassNames = ["cat", "dog", "owl"],
        };
        Assert.Equal(
            Report.Sha256,
            ((ZipSpec)(await database.Store.FindAsync(await database.Store.CreateAsync(Run(own))))!.Spec.Data).Sha256
        );
        await RefusedAsync("$.data.sha256", Report.Sha256, () => database.Store.CreateAsync(Run(own with { Sha256 = "0000" })));
        await RefusedAsync(
            "$.data.classNames",
            "class 1 is cow there and dog here",
            () => database.Store.CreateAsync(Run(own with { ClassNames = ["cat", "cow", "owl"] }))
        );
        await RefusedAsync(
            "$.data.sha256",
            "is no SHA-256",
            () =>
                database.Store.CreateAsync(
                    Run(
                        new ZipSpec
                        {
                            Source = "others.zip",
                            Side = 32,
                            Channels = 3,
                            Sha256 = "0000",
                        }
                    )
                )
        );
        Assert.True(await store.DeleteAsync(id));
        Assert.Empty(await store.ListAsync());
    }

    [Fact]
    public async Task Register_BadMembers_AreAllNamed()
    {
        await using var database = await postgres.DatabaseAsync();
        var (store, _) = Services(database);
        await store.RegisterAsync(new("A", "a.zip", "", false, 0, "tester"));
        await RefusedAsync("$.name", "already a data set", () => store.RegisterAsync(new("A", "b.zip", "", false, 0, "tester")));
        await RefusedAsync("$.path", "already registered", () => store.RegisterAsync(new("B", "./a.zip", "", false, 0, "tester")));
        await RefusedAsync("$.path", "not below the folder", () => store.RegisterAsync(new("B", "../a.zip", "", false, 0, "tester")));
        var error = await Assert.ThrowsAsync<SpecException>(() => store.RegisterAsync(new(" ", "", "tar", false, 9999, "tester")));
        Assert.Equal(["$.name", "$.path", "$.kind", "$.side"], error.Errors.Select(e => e.Path));
    }

    [Fact]
    public async Task Check_LostOrAskedAgain_IsNoLongerHeard()
    {
        await using var database = await postgres.DatabaseAsync();
        var (store, checks) = Services(database);
        var id = await store.RegisterAsync(new("A", "a.zip", "", false, 0, "tester"));
        var lost = await ClaimAsync(database, Lease);
        await database.SqlAsync("UPDATE work_items SET lease_until = now() - interval '1 second'");
        var next = await ClaimAsync(database, Make.Moment);
        Assert.Equal(id, next!.Id);
        Assert.False(await checks.CompleteAsync(lost!, Report, []));
        Assert.True(await store.CheckAgainAsync(id, skipCorrupt: true));
        Assert.False(await checks.FailAsync(next, "too late"));
        var last = await ClaimAsync(database, Lease);
        Assert.True(last!.SkipCorrupt);
        Assert.True(await checks.FailAsync(last, "a.zip: record 3 cannot be used"));
        Assert.Equal(
            (DatasetState.Failed, "a.zip: record 3 cannot be used"),
            ((await store.FindAsync(id))!.State, (await store.FindAsync(id))!.Problem)
        );
    }

    [ModuleInitializer]
    internal static void UseFolderOfTheTests()
    {
        var folder = Directory.CreateTempSubdirectory("smtweb-datasets-").FullName;
        Environment.SetEnvironmentVariable(DatasetRoot.Variable, folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }

    private static async Task<ClaimedCheck?> ClaimAsync(TestDatabase database, TimeSpan lease) =>
        await database.Items.ClaimAsync([JobQueues.Datasets], "test:1", lease) is { } work
            ? await Services(database).Checks.BeginAsync(work)
            : null;

    private static NewRun Run(StoredDataSpec data) =>
        new("run", Presets.Find("fashion-mnist-quick")!.Spec with { Data = data }, null, 0, "tester");

    private static (DatasetStore Store, DatasetChecks Checks) Services(TestDatabase database) =>
        (database.Services.GetRequiredService<DatasetStore>(), database.Services.GetRequiredService<DatasetChecks>());

    private static async Task RefusedAsync(string path, string message, Func<Task> action)
    {
        var error = Assert.Single((await Assert.ThrowsAsync<SpecException>(action)).Errors);
        Assert.Equal(path, error.Path);
        Assert.Contains(message, error.Message);
    }
}
