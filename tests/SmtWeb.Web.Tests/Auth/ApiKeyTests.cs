using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>The life of an API key, from the form of its owner to its end.</summary>
public sealed class ApiKeyTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Key_FromCreationToRevocation_OpensThenCloses()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        using var browser = Site.Browser();
        await browser.FillAsync(await Site.LinkAsync(user.Id), ("password", "correct horse"), ("again", "correct horse"));
        var made = await browser.PostAsJsonAsync("/api/v1/keys", new { name = "laptop" }, Ct);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var key = await made.Content.ReadFromJsonAsync<JsonElement>(Ct);
        var secret = key.GetProperty("secret").GetString()!;
        Assert.Matches("^smt_[A-Za-z0-9_-]{43}$", secret);

        using var program = new HttpClient { BaseAddress = Site.Address };
        program.DefaultRequestHeaders.Add("X-Api-Key", secret);
        Assert.Equal(HttpStatusCode.OK, (await program.GetAsync("/api/v1/runs", Ct)).StatusCode);

        var listed = await program.GetStringAsync("/api/v1/keys", Ct);
        Assert.Contains("laptop", listed);
        Assert.DoesNotContain(secret, listed);
        Assert.Contains("\"lastUsed\":\"", listed);

        var id = key.GetProperty("key").GetProperty("id").GetInt64();
        Assert.Equal(HttpStatusCode.NoContent, (await browser.DeleteAsync($"/api/v1/keys/{id}", Ct)).StatusCode);
        await ProblemAsync(await program.GetAsync("/api/v1/runs", Ct), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Key_OfAnother_CannotBeRevokedByMember()
    {
        var keys = Site.App.Services.GetRequiredService<ApiKeyService>();
        var key = await keys.CreateAsync((await Site.UserAsync(LabRoles.Member)).Id, "theirs", Actor.Server, ct: Ct);
        using var other = await Site.ProgramAsync(LabRoles.Member);
        await ProblemAsync(await other.DeleteAsync($"/api/v1/keys/{key.Key.Id}", Ct), HttpStatusCode.NotFound);
        using var admin = await Site.ProgramAsync(LabRoles.Admin);
        Assert.Equal(HttpStatusCode.NoContent, (await admin.DeleteAsync($"/api/v1/keys/{key.Key.Id}", Ct)).StatusCode);
    }

    [Fact]
    public async Task Key_RoleOfOwnerChanges_CountsAtOnce()
    {
        var accounts = Site.App.Services.GetRequiredService<AccountService>();
        var user = await Site.UserAsync(LabRoles.Member);
        using var program = new HttpClient { BaseAddress = Site.Address };
        program.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer",
            (await Site.App.Services.GetRequiredService<ApiKeyService>().CreateAsync(user.Id, "k", Actor.Server, ct: Ct)).Secret
        );
        Assert.Equal(HttpStatusCode.Created, (await program.PostAsync("/api/v1/runs", Json("""{"preset":"swiss-roll"}"""), Ct)).StatusCode);
        await accounts.SetRoleAsync(user.Id, LabRoles.Reviewer, Actor.Server);
        await ProblemAsync(await program.PostAsync("/api/v1/runs", Json("""{"preset":"swiss-roll"}"""), Ct), HttpStatusCode.Forbidden);
        await accounts.SetDisabledAsync(user.Id, true, Actor.Server);
        await ProblemAsync(await program.GetAsync("/api/v1/runs", Ct), HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("Bearer smt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("Bearer ")]
    [InlineData("Bearer eyJhbGciOiJub25lIn0.e30.")]
    public async Task Key_MadeUp_IsRefused(string authorization)
    {
        using var program = new HttpClient { BaseAddress = Site.Address };
        program.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);
        await ProblemAsync(await program.GetAsync("/api/v1/runs", Ct), HttpStatusCode.Unauthorized);
    }
}
