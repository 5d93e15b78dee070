using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Web.Tests.Api;

/// <summary>The contract of REST is a file under review: docs/openapi-v1.json.</summary>
public sealed class OpenApiTests(SiteFixture site) : SiteTest(site)
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The document as the site makes it, without a request that would be checked against it.</summary>
    internal static async Task<string> DocumentAsync(WebApplication app)
    {
        var document = await app.Services.GetRequiredKeyedService<IOpenApiDocumentProvider>("v1").GetOpenApiDocumentAsync();
        return await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_0);
    }

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
            "REST and docs/openapi-v1.json differ. If the change is meant, run this test with SMTWEB_UPDATE_SNAPSHOTS=1 and review the "
                + "difference."
        );
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

    [Fact]
    public async Task Document_IsValidOpenApi()
    {
        var result = OpenApiDocument.Parse(await DocumentAsync(Site.App), "json");
        Assert.Empty(result.Diagnostic!.Errors.Select(e => $"{e.Pointer}: {e.Message}"));
        Assert.Equal(OpenApiSpecVersion.OpenApi3_0, result.Diagnostic.SpecificationVersion);
        Assert.Empty(result.Diagnostic.Warnings.Select(e => $"{e.Pointer}: {e.Message}"));
    }

    [Fact]
    public async Task Document_Numbers_AreNumbers()
    {
        var schemas = JsonNode.Parse(await DocumentAsync(Site.App))!["components"]!["schemas"]!;
        var rate = schemas["OptimisationSpec"]!["properties"]!["generatorRate"]!;
        Assert.Equal(("number", "double"), ((string?)rate["type"], (string?)rate["format"]));
        Assert.Null(rate["anyOf"]);
        Assert.Equal(
            ["number", "string"],
            schemas["StoredMetric"]!["properties"]!["value"]!["oneOf"]!.AsArray().Select(o => (string?)o!["type"])
        ); // an exploding loss is "NaN"
        Assert.True((bool)schemas["RunSummary"]!["properties"]!["distance"]!["nullable"]!);
        Assert.Equal(
            ["integer", "string"],
            schemas["DrawRequest"]!["properties"]!["seed"]!["oneOf"]!.AsArray().Select(o => (string?)o!["type"])
        );
        Assert.Equal(
            ["integer", "string"],
            schemas["DrawRequest"]!["properties"]!["seeds"]!["items"]!["oneOf"]!.AsArray().Select(o => (string?)o!["type"])
        );
        foreach (var (name, schema) in schemas.AsObject())
        {
            Assert.True(schema!["enum"] is null || (string?)schema["type"] == "string", $"{name} is an enumeration of nothing");
            foreach (var (member, property) in schema["properties"]?.AsObject() ?? [])
            {
                Assert.False(
                    (string?)property!["type"] == "object" && property["format"] is not null,
                    $"{name}.{member} is an object with the format of a number"
                );
            }
        }
    }

    [Fact]
    public async Task Document_Pictures_AreBinary()
    {
        var paths = JsonNode.Parse(await DocumentAsync(Site.App))!["paths"]!.AsObject();
        var pictures = 0;
        foreach (
            var content in paths
                .SelectMany(p => p.Value!.AsObject())
                .SelectMany(o => o.Value!["responses"]!.AsObject())
                .Select(r => r.Value!["content"])
                .OfType<JsonObject>()
        )
        {
            if (content["image/png"] is { } png)
            {
                pictures++;
                Assert.Equal(("string", "binary"), ((string?)png["schema"]!["type"], (string?)png["schema"]!["format"]));
            }
        }

        Assert.Equal(3, pictures); // a run's picture, a data set's samples, drawn images
    }

    [Fact]
    public async Task Document_Examples_FitTheirSchemas_AndEveryBodyHasOne()
    {
        var document = await ContractHandler.StrictAsync(await DocumentAsync(Site.App));
        var (requests, answers) = (0, 0);
        foreach (var operation in document.Operations)
        {
            if (operation.Operation.RequestBody?.Content.TryGetValue("application/json", out var body) == true)
            {
                requests++;
                Assert.True(body!.Example is not null, $"the body of {operation.Operation.OperationId} has no example");
                Assert.Empty(body.Schema.Validate(body.Example!.ToString()!, NJsonSchema.SchemaType.OpenApi3));
            }

            foreach (var (status, response) in operation.Operation.ActualResponses)
            {
                if (
                    status.StartsWith('2')
                    && response.Content.TryGetValue("application/json", out var content)
                    && content.Example is { } example
                )
                {
                    answers++;
                    var errors = content.Schema.Validate(example.ToString()!, NJsonSchema.SchemaType.OpenApi3);
                    Assert.True(errors.Count == 0, $"{operation.Operation.OperationId}: {string.Join(", ", errors)}");
                }
            }
        }

        Assert.Equal(SmtWeb.Web.Api.ApiExamples.Requests.Count, requests);
        Assert.Equal(SmtWeb.Web.Api.ApiExamples.Answers.Count, answers);
    }

    [Fact]
    public async Task Answers_OfTheseTests_AreHeldAgainstTheDocument()
    {
        var before = ContractHandler.Checked;
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        await program.GetAsync("/api/v1/runs", Ct);
        Assert.True(ContractHandler.Checked > before);
    }
}
