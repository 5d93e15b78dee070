using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>The audit log tells who did what, and a line is there if and only if the deed is.</summary>
public sealed class AuditTests(SiteFixture site) : SiteTest(site)
{
    private AuditLog Log => Site.App.Services.GetRequiredService<AuditLog>();

    [Fact]
    public async Task Deeds_OfPeopleAndKeys_AreWrittenDown()
    {
        var admin = await Site.UserAsync(LabRoles.Admin);
        using var browser = await Site.SignedInAsync(admin.Id);
        var name = $"new-{Guid.NewGuid():N}"[..20];
        var made = await (
            await browser.PostAsync("/api/v1/users", Json($$"""{"name":"{{name}}","role":"member"}"""), Ct)
        ).Content.ReadFromJsonAsync<JsonElement>(Ct);
        var id = made.GetProperty("user").GetProperty("id").GetString();
        await browser.PutAsync($"/api/v1/users/{id}/role", Json("""{"role":"reviewer"}"""), Ct);
        await browser.PostAsync($"/api/v1/users/{id}/reset", null, Ct);
        await browser.PostAsync($"/api/v1/users/{id}/disable", null, Ct);
        await browser.PostAsync($"/api/v1/users/{id}/enable", null, Ct);
        var key = await (
            await browser.PostAsync("/api/v1/keys", Json("""{"name":"audited","scopes":["run","read"]}"""), Ct)
        ).Content.ReadFromJsonAsync<JsonElement>(Ct);
        using var program = Site.Program(key.GetProperty("secret").GetString()!);
        var keyId = key.GetProperty("key").GetProperty("id").GetInt64();
        var run = await Site.RunOfAsync(new AccountInfo(admin.Id, admin.Name, "Admin", default, null, true, false));
        await program.DeleteAsync($"/api/v1/runs/{run}", Ct);
        await program.PostAsync($"/api/v1/runs/{run}/restore", null, Ct);
        await program.DeleteAsync($"/api/v1/keys/{keyId}", Ct);
        await browser.PostAsync("/sign-out", null, Ct);

        var lines = (await Log.ListAsync(limit: 1000, actor: admin.Name, ct: Ct)).Reverse().ToList();
        Assert.Equal(
            [
                AuditActions.SignedIn,
                AuditActions.UserCreated,
                AuditActions.LinkMade,
                AuditActions.RoleChanged,
                AuditActions.PasswordTaken,
                AuditActions.LinkMade,
                AuditActions.UserClosed,
                AuditActions.UserOpened,
                AuditActions.KeyMade,
                AuditActions.RunDeleted,
                AuditActions.RunRestored,
                AuditActions.KeyRevoked,
                AuditActions.SignedOut,
            ],
            lines.Select(l => l.Action)
        );
        Assert.Equal(("to Reviewer", name), (lines[3].Detail, lines[3].Subject));
        Assert.All(lines.Take(9), l => Assert.Contains(l.Address, (string[])["127.0.0.1", "::1", "::ffff:127.0.0.1"]));
        Assert.Equal(keyId, lines.Single(l => l.Action == AuditActions.KeyRevoked).KeyId);
        Assert.DoesNotContain(
            lines,
            l =>
                l.Detail.Contains("token=", StringComparison.Ordinal)
                || l.Detail.Contains(key.GetProperty("secret").GetString()!, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Failures_AndDeedsThatWereRefused()
    {
        var name = $"nobody-{Guid.NewGuid():N}";
        using var browser = Site.Browser();
        await browser.FillAsync("/sign-in", ("name", name + "\u001b[2J"), ("password", "wrong horse"));
        var failed = (await Log.ListAsync(limit: 50, action: AuditActions.SignInFailed, ct: Ct)).First(l =>
            l.Actor.StartsWith(name, StringComparison.Ordinal)
        );
        Assert.Equal(name + "\\u{1B}[2J", failed.Actor);

        // the last administrator of a node cannot be closed, and then nothing is written down
        await using var node = await Site.FreshAsync();
        var accounts = node.Services.GetRequiredService<AccountService>();
        var admin = Assert.Single(await accounts.ListAsync(Ct));
        Assert.NotNull((await accounts.SetDisabledAsync(admin.Id, true, Actor.Server))!.Problem);
        Assert.Empty(await node.Services.GetRequiredService<AuditLog>().ListAsync(action: AuditActions.UserClosed, ct: Ct));
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Pages_OfTheLog_FollowEachOther_AndMistakesAreNamed()
    {
        var who = new Actor($"pager-{Guid.NewGuid():N}");
        for (var i = 0; i < 5; i++)
        {
            await Log.WriteAsync(who, AuditActions.RunDeleted, $"run {i}", ct: Ct);
        }

        using var admin = await Site.ProgramAsync(LabRoles.Admin);
        var seen = new List<string>();
        for (var query = $"?limit=2&actor={who.Name}"; ; )
        {
            var page = (await admin.GetFromJsonAsync<JsonElement>($"/api/v1/audit{query}", Ct)).EnumerateArray().ToList();
            seen.AddRange(page.Select(l => l.GetProperty("subject").GetString()!));
            if (page.Count < 2)
            {
                break;
            }

            query = $"?limit=2&actor={who.Name}&before={page[^1].GetProperty("id").GetInt64()}";
        }

        Assert.Equal(["run 4", "run 3", "run 2", "run 1", "run 0"], seen);
        Assert.Equal(
            ["action", "limit"],
            (await ErrorsAsync(await admin.GetAsync("/api/v1/audit?action=danced&limit=0", Ct))).Keys.Order()
        );
    }

    [Fact]
    public async Task Lines_OfMoreThanAYear_AreRemoved()
    {
        var contexts = Site.App.Services.GetRequiredService<IDbContextFactory<SmtWebDbContext>>();
        var who = new Actor($"old-{Guid.NewGuid():N}");
        await new AuditLog(contexts, new Clock(DateTimeOffset.UtcNow - TimeSpan.FromDays(367))).WriteAsync(
            who,
            AuditActions.KeyMade,
            "old",
            ct: Ct
        );
        await new AuditLog(contexts, new Clock(DateTimeOffset.UtcNow - TimeSpan.FromDays(364))).WriteAsync(
            who,
            AuditActions.KeyMade,
            "young",
            ct: Ct
        );
        await Site.App.Services.GetRequiredService<Housekeeping>().PurgeAsync(Ct);
        Assert.Equal(["young"], (await Log.ListAsync(actor: who.Name, ct: Ct)).Select(l => l.Subject));
    }

    [Fact]
    public async Task Page_ForAdministrators_ShowsTheLines()
    {
        var who = new Actor($"shown-{Guid.NewGuid():N}");
        await Log.WriteAsync(who, AuditActions.ModelDeleted, "a <model>", ct: Ct);
        using var admin = await Site.SignedInAsync((await Site.UserAsync(LabRoles.Admin)).Id);
        var html = await admin.OpenAsync($"/admin/audit?actor={who.Name}");
        Assert.Contains("a &lt;model&gt;", html);
        using var member = await Site.SignedInAsync((await Site.UserAsync(LabRoles.Member)).Id);
        Assert.DoesNotContain(who.Name, (await member.OpenAsync($"/admin/audit?actor={who.Name}")).Replace("%2Faudit", ""));
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
