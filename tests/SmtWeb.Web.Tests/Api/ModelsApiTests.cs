using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Teachers;
using SmtWeb.Web.Panel.Models;

namespace SmtWeb.Web.Tests.Api;

/// <summary>From a file in the data folder to a model that REST serves.</summary>
public sealed class ModelsApiTests(SiteFixture site) : SiteTest(site)
{
    private string Snapshot => Path.Combine(Site.RepoRoot, "tests", "golden", "edm_pickle", "network.pkl");

    private string Attack => Path.Combine(Site.RepoRoot, "tests", "golden", "pickle_hostile", "evil_os_system.pkl");

    private WeightsFolder Folder => Site.App.Services.GetRequiredService<WeightsFolder>();

    [Fact]
    public async Task Import_SnapshotInTheFolder_IsListedAndDownloadedWhole()
    {
        var file = Put(Snapshot);
        Assert.Null(await ImportAsync(file, "from-the-folder", "ada"));

        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        var model = JsonDocument.Parse(await program.GetStringAsync("/api/v1/models/from-the-folder", Ct)).RootElement;
        Assert.Equal("ada", model.GetProperty("by").GetString());
        Assert.Equal("ddpmpp", model.GetProperty("network").GetProperty("kind").GetString());
        Assert.Contains("EDMPrecond with SongUNet", model.GetProperty("source").GetString());
        var bytes = await program.GetByteArrayAsync("/api/v1/models/from-the-folder/file", Ct);
        Assert.Equal(model.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        var (description, denoiser) = TeacherFile.Load(new MemoryStream(bytes));
        using (denoiser)
        {
            Assert.Equal(model.GetProperty("parameters").GetInt64(), description.Parameters);
        }

        Assert.Contains("already", await ImportAsync(file, "from-the-folder", "bob"));
    }

    [Fact]
    public async Task Import_HostileFile_TellsWhatItTried()
    {
        var file = Put(Attack);
        Assert.Contains("os.system", await ImportAsync(file, null, "ada"));
    }

    [Fact]
    public async Task Import_PathInPlaceOfAName_OpensNothing()
    {
        Assert.Equal(ChangeOutcome.NotFound, (await Folder.ImportAsync("../password", "escape", "ada", Ct)).Outcome);
        Assert.Equal(ChangeOutcome.NotFound, (await Folder.ImportAsync(Snapshot, "escape", "ada", Ct)).Outcome);
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        await ProblemAsync(await program.GetAsync("/api/v1/models/escape", Ct), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Delete_ByMember_IsForbidden_ByAdministrator_Works()
    {
        Assert.Null(await ImportAsync(Put(Snapshot), "to-be-deleted", "ada"));
        using var member = await Site.ProgramAsync(LabRoles.Member);
        await ProblemAsync(await member.DeleteAsync("/api/v1/models/to-be-deleted", Ct), HttpStatusCode.Forbidden);
        using var admin = await Site.ProgramAsync(LabRoles.Admin);
        Assert.Equal(HttpStatusCode.NoContent, (await admin.DeleteAsync("/api/v1/models/to-be-deleted", Ct)).StatusCode);
        await ProblemAsync(await admin.DeleteAsync("/api/v1/models/to-be-deleted", Ct), HttpStatusCode.NotFound);
    }

    // The import is a job; its problem, or null.
    private async Task<string?> ImportAsync(string file, string? name, string by)
    {
        Assert.Equal(ChangeOutcome.Done, (await Folder.ImportAsync(file, name, by, Ct)).Outcome);
        for (var begin = Stopwatch.GetTimestamp(); ; await Task.Delay(50, Ct))
        {
            if ((await Folder.ListAsync(Ct)).Single(f => f.FileName == file) is { Busy: false } done)
            {
                return done.Problem;
            }

            Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(60), "The import does not end.");
        }
    }

    private string Put(string source)
    {
        Directory.CreateDirectory(Folder.Folder);
        var name = $"{Guid.NewGuid():N}{Path.GetExtension(source)}";
        File.Copy(source, Path.Combine(Folder.Folder, name));
        return name;
    }
}
