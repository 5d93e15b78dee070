using System.Text.Json;
using System.Text.Json.Nodes;
using SmtWeb.Runs.Model;

namespace SmtWeb.Web.Tests.Api;

/// <summary>The contract of REST is a file under review: docs/openapi-v1.json.</summary>
public sealed class OpenApiTests(SiteFixture site) : SiteTest(site)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task Document_OfTheRunningSite_IsTheCommittedOne()
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        var document = JsonNode.Parse(await program.GetStringAsync("/openapi/v1.json", Ct))!.ToJsonString(Indented) + "\n";
        var file = Path.Combine(Site.RepoRoot, "docs", "openapi-v1.json");
        if (Environment.GetEnvironmentVariable("SMTWEB_UPDATE_SNAPSHOTS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, document, Ct);
        }

        Assert.True(
            await File.ReadAllTextAsync(file, Ct) == document,
            "REST and docs/openapi-v1.json differ. If the change is meant, run this test with SMTWEB_UPDATE_SNAPSHOTS=1 and review the difference.");
    }

    [Fact]
    public async Task Document_EveryOperation_HasNameSummaryAndErrors()
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        var paths = JsonNode.Parse(await program.GetStringAsync("/openapi/v1.json", Ct))!["paths"]!.AsObject();
        Assert.True(paths.Count > 15);
        foreach (var (path, operations) in paths)
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                Assert.False(string.IsNullOrEmpty((string?)operation!["operationId"]), $"{method} {path} has no name");
                Assert.False(string.IsNullOrEmpty((string?)operation["summary"]), $"{method} {path} has no summary");
                Assert.True(path == "/health" || operation["responses"]!["401"] is not null, $"{method} {path} does not tell 401");
            }
        }
    }
}
