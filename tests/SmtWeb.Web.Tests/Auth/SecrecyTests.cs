using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>Whether an account exists is told by no status, no word and no time: whatever the name, the same is done and said.</summary>
public sealed class SecrecyTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Refusals_OfEveryKindOfName_AreTheSameInStatusWordsWorkAndTime()
    {
        var hashing = new CountingHasher();
        await using var node = Site.Build(builder => builder.Services.AddSingleton<IPasswordHasher<LabUser>>(hashing));
        await node.StartAsync(Ct);
        var accounts = node.Services.GetRequiredService<AccountService>();
        var (open, closed, locked, fresh) = (
            await WithPasswordAsync(),
            await WithPasswordAsync(),
            await WithPasswordAsync(),
            await Site.UserAsync(LabRoles.Member)
        );
        await accounts.SetDisabledAsync(closed.Id, true, Actor.Server);
        await LockAsync(node, locked.Id);
        var answers = new Dictionary<string, (HttpStatusCode Status, string Words, int Hashes, TimeSpan Took)>();
        foreach (
            var (kind, name, password) in new[]
            {
                ("unknown", "nobody", "wrong horse"),
                ("wrong password", open.Name, "wrong horse"),
                ("closed, right password", closed.Name, SiteFixture.Password),
                ("locked, right password", locked.Name, SiteFixture.Password),
                ("no password yet", fresh.Name, "wrong horse"),
                ("no password yet, empty", fresh.Name, ""),
                ("a name of no account", "a\u202eb", "wrong horse"),
                ("a long name", new string('a', 5000), "wrong horse"),
                ("a long password", open.Name, new string('p', 5000)),
            }
        )
        {
            using var browser = Site.Browser(node);
            var page = await browser.OpenAsync("/sign-in");
            var before = hashing.Verified;
            var began = Stopwatch.GetTimestamp();
            var answer = await browser.SubmitAsync(page, ("name", name), ("password", password));
            var took = Stopwatch.GetElapsedTime(began);
            var html = await answer.Content.ReadAsStringAsync(Ct);
            Assert.True(html.Contains("role=\"alert\"", StringComparison.Ordinal), $"{kind}: {(int)answer.StatusCode} {html}");
            answers[kind] = (
                answer.StatusCode,
                html[html.IndexOf("role=\"alert\"", StringComparison.Ordinal)..].Split('<')[0],
                hashing.Verified - before,
                took
            );
            Assert.False(
                answer.Headers.TryGetValues("Set-Cookie", out var cookies)
                    && cookies.Any(c =>
                        c.StartsWith("smtweb=", StringComparison.Ordinal) && !c.StartsWith("smtweb=;", StringComparison.Ordinal)
                    ),
                kind
            );
        }

        var (status, words, hashes, _) = answers["unknown"];
        Assert.Equal(HttpStatusCode.Unauthorized, status);
        Assert.Equal(1, hashes);
        foreach (var (kind, answer) in answers)
        {
            Assert.True((answer.Status, answer.Words, answer.Hashes) == (status, words, hashes), $"{kind}: {answer}");
            Assert.True(
                answer.Took >= PasswordCheck.RefusalTakes - TimeSpan.FromMilliseconds(5),
                $"{kind} was refused after {answer.Took.TotalMilliseconds} ms"
            );
        }

        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task TooManyAttempts_OfAKnownAndAnUnknownName_AreRefusedAlike()
    {
        var user = await WithPasswordAsync();
        var statuses = new List<List<HttpStatusCode>>();
        foreach (var name in new[] { user.Name, $"nobody-{Guid.NewGuid():N}" })
        {
            using var browser = Site.Browser();
            var page = await browser.OpenAsync("/sign-in");
            var answers = await Task.WhenAll(
                Enumerable.Range(0, 12).Select(_ => browser.SubmitAsync(page, ("name", name), ("password", "wrong horse")))
            );
            statuses.Add([.. answers.Select(a => a.StatusCode).Order()]);
        }

        Assert.Equal(statuses[0], statuses[1]);
        Assert.Equal(2, statuses[0].Count(s => s == HttpStatusCode.TooManyRequests));
    }

    private async Task<AccountInfo> WithPasswordAsync()
    {
        var user = await Site.UserAsync(LabRoles.Reviewer);
        (await Site.SignedInAsync(user.Id)).Dispose();
        return user;
    }

    private static async Task LockAsync(WebApplication node, string userId)
    {
        await using var scope = node.Services.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<LabUser>>();
        var user = (await users.FindByIdAsync(userId))!;
        for (var i = 0; i < 10; i++)
        {
            await users.AccessFailedAsync(user);
        }

        Assert.True(await users.IsLockedOutAsync(user));
    }

    private sealed class CountingHasher : PasswordHasher<LabUser>
    {
        private int _verified;

        public int Verified => _verified;

        public override PasswordVerificationResult VerifyHashedPassword(LabUser user, string hashedPassword, string providedPassword)
        {
            Interlocked.Increment(ref _verified);
            return base.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }
    }
}
