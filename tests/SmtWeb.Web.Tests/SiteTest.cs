using System.Net;
using System.Text.Json;

namespace SmtWeb.Web.Tests;

/// <summary>A test against the running site.</summary>
[Trait("Needs", "Postgres")]
public abstract class SiteTest
{
    protected SiteTest(SiteFixture site)
    {
        Assert.SkipWhen(site.Missing is not null, site.Missing ?? "");
        Site = site;
    }

    protected SiteFixture Site { get; }

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Asserts problem+json of <paramref name="status"/> and returns it.</summary>
    protected static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == status, $"{(int)answer.StatusCode} instead of {(int)status}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>The paths of a validation problem.</summary>
    protected static async Task<Dictionary<string, string>> ErrorsAsync(HttpResponseMessage answer)
    {
        var problem = await ProblemAsync(answer, HttpStatusCode.BadRequest);
        return problem
            .GetProperty("errors")
            .EnumerateObject()
            .ToDictionary(e => e.Name, e => string.Join(" ", e.Value.EnumerateArray().Select(m => m.GetString())));
    }

    protected static StringContent Json(string json) => new(json, System.Text.Encoding.UTF8, "application/json");
}
