using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>A key does what its scopes say, until its end; and nothing it does yields more than the key had.</summary>
public sealed class KeyScopeTests(SiteFixture site) : SiteTest(site)
{
    [Theory]
    [InlineData("GET", "/api/v1/runs", "read")]
    [InlineData("GET", "/api/v1/keys", "read")]
    [InlineData("GET", "/openapi/v1.json", "read")]
    [InlineData("GET", "/api/v1/no-such-thing", "read")]
    [InlineData("POST", "/api/v1/generations", "generate")]
    [InlineData("GET", "/api/v1/runs/999999/neighbours", "generate")]
    [InlineData("POST", "/api/v1/runs", "run")]
    [InlineData("POST", "/api/v1/datasets", "run")]
    [InlineData("DELETE", "/api/v1/runs/999999", "run")]
    [InlineData("GET", "/api/v1/audit", "administer")]
    [InlineData("GET", "/api/v1/users", "administer")]
    [InlineData("DELETE", "/api/v1/models/none", "administer")]
    public async Task Key_WithEveryScopeButOne_IsRefusedWhereThatOneIsNeeded(string method, string path, string scope)
    {
        var admin = await Site.UserAsync(LabRoles.Admin);
        using var lacking = await Site.ProgramOfAsync(admin.Id, [.. KeyScopes.All.Where(s => s != scope)]);
        var problem = await ProblemAsync(await lacking.SendAsync(Request(method, path), Ct), HttpStatusCode.Forbidden);
        Assert.Contains($"needs the scope {scope}", problem.GetProperty("detail").GetString());
        using var having = await Site.ProgramOfAsync(admin.Id, scope);
        Assert.NotEqual(HttpStatusCode.Forbidden, (await having.SendAsync(Request(method, path), Ct)).StatusCode);
    }

    [Theory]
    [InlineData("POST", "/api/v1/users", """{"name":"NEW","role":"admin"}""")]
    [InlineData("PUT", "/api/v1/users/{self}/role", """{"role":"admin"}""")]
    [InlineData("POST", "/api/v1/users/{self}/reset", null)]
    [InlineData("POST", "/api/v1/users/{self}/enable", null)]
    [InlineData("POST", "/api/v1/keys", """{"name":"offspring"}""")]
    [InlineData("GET", "/account/password", null)]
    [InlineData("POST", "/sign-out", null)]
    public async Task Key_WithAllScopes_MakesNothingThatOutlastsIt(string method, string path, string? body)
    {
        var admin = await Site.UserAsync(LabRoles.Admin);
        using var program = await Site.ProgramOfAsync(admin.Id, [.. KeyScopes.All]);
        using var request = Request(method, path.Replace("{self}", admin.Id));
        request.Content = body is null ? null : Json(body.Replace("NEW", $"new-{Guid.NewGuid():N}"[..20]));
        var answer = await program.SendAsync(request, Ct);
        Assert.True(answer.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Redirect, $"{(int)answer.StatusCode}");
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public void Endpoints_ThatMakeSecrets_AreClosedToKeys()
    {
        var open = Site
            .App.Services.GetRequiredService<EndpointDataSource>()
            .Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<SmtWeb.Web.Api.SecretAnswer>() is not null)
            .ToDictionary(e => e.RoutePattern.RawText!, e => e.Metadata.GetMetadata<IAuthorizeData>()?.Policy);
        Assert.Equal(3, open.Count);
        Assert.All(open.Values, policy => Assert.True(policy is Policies.Appoint or Policies.Person, policy));
    }

    [Fact]
    public async Task Key_MadeOnTheSite_TellsScopesEndAndLastUse()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        using var browser = await Site.SignedInAsync(user.Id);
        var made = await (
            await browser.PostAsync("/api/v1/keys", Json("""{"name":"  draws  ","scopes":["generate","read"],"days":30}"""), Ct)
        ).Content.ReadFromJsonAsync<JsonElement>(Ct);
        var key = made.GetProperty("key");
        Assert.Equal("draws", key.GetProperty("name").GetString());
        Assert.Equal(["read", "generate"], key.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()));
        Assert.Equal(30, (key.GetProperty("expires").GetDateTimeOffset() - key.GetProperty("created").GetDateTimeOffset()).TotalDays);
        using var program = Site.Program(made.GetProperty("secret").GetString()!);
        Assert.Equal(HttpStatusCode.OK, (await program.GetAsync("/api/v1/runs", Ct)).StatusCode);
        await ProblemAsync(await program.PostAsync("/api/v1/runs", Json("""{"preset":"swiss-roll"}"""), Ct), HttpStatusCode.Forbidden);
        var listed = (await browser.GetFromJsonAsync<JsonElement>("/api/v1/keys", Ct)).EnumerateArray().Single();
        Assert.NotEqual(JsonValueKind.Null, listed.GetProperty("lastUsed").ValueKind);
    }

    [Theory]
    [InlineData("""{"name":""}""", "$.name")]
    [InlineData("""{"name":"   "}""", "$.name")]
    [InlineData("""{"name":"a\u202eb"}""", "$.name")] // turns the direction of writing
    [InlineData("""{"name":"a\u200bb"}""", "$.name")] // zero width
    [InlineData("""{"name":"a\nb"}""", "$.name")]
    [InlineData("""{"name":"a\u001b[31mb"}""", "$.name")]
    [InlineData("""{"name":"k","scopes":[]}""", "$.scopes")]
    [InlineData("""{"name":"k","scopes":["everything"]}""", "$.scopes[0]")]
    [InlineData("""{"name":"k","days":0}""", "$.days")]
    [InlineData("""{"name":"k","days":100000}""", "$.days")]
    public async Task Key_ThatCannotBeMade_NamesTheMember(string body, string path)
    {
        using var browser = await Site.SignedInAsync((await Site.UserAsync(LabRoles.Member)).Id);
        Assert.Equal([path], (await ErrorsAsync(await browser.PostAsync("/api/v1/keys", Json(body), Ct))).Keys);
    }

    [Fact]
    public async Task Key_AfterItsEnd_OpensNothing()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var clock = new Clock(DateTimeOffset.UtcNow - TimeSpan.FromDays(8));
        var keys = new ApiKeyService(Site.App.Services.GetRequiredService<IDbContextFactory<SmtWebDbContext>>(), clock);
        using var over = Site.Program((await keys.CreateAsync(user.Id, "over", Actor.Server, days: 7, ct: Ct)).Secret);
        var problem = await ProblemAsync(await over.GetAsync("/api/v1/runs", Ct), HttpStatusCode.Unauthorized);
        Assert.Contains("over", problem.GetProperty("detail").GetString());
        using var lasts = Site.Program((await keys.CreateAsync(user.Id, "lasts", Actor.Server, days: 9, ct: Ct)).Secret);
        Assert.Equal(HttpStatusCode.OK, (await lasts.GetAsync("/api/v1/runs", Ct)).StatusCode);
    }

    [Fact]
    public async Task Key_ToLookWith_EndsItselfAndNoOther()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var keys = Site.App.Services.GetRequiredService<ApiKeyService>();
        var (look, other) = (
            await keys.CreateAsync(user.Id, "look", Actor.Server, [KeyScopes.Read], ct: Ct),
            await keys.CreateAsync(user.Id, "other", Actor.Server, ct: Ct)
        );
        using var program = Site.Program(look.Secret);
        await ProblemAsync(await program.DeleteAsync($"/api/v1/keys/{other.Key.Id}", Ct), HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.NoContent, (await program.DeleteAsync($"/api/v1/keys/{look.Key.Id}", Ct)).StatusCode);
        await ProblemAsync(await program.GetAsync("/api/v1/runs", Ct), HttpStatusCode.Unauthorized);
    }

    private static HttpRequestMessage Request(string method, string path) =>
        new(new HttpMethod(method), path)
        {
            Content = method == "POST" && path.StartsWith("/api", StringComparison.Ordinal) ? Json("{}") : null,
        };

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
