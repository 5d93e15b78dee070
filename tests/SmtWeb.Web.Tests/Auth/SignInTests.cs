using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>Sign-in by one-time link and by password, as a browser does it.</summary>
public sealed class SignInTests(SiteFixture site) : SiteTest(site)
{
    private const string Password = "correct horse";

    [Fact]
    public async Task OneTimeLink_UsedTwice_LetsInOnce()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var link = await Site.LinkAsync(user.Id);
        using var browser = Site.Browser();
        var answer = await browser.FillAsync(link, ("password", Password), ("again", Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);

        using var thief = Site.Browser();
        Assert.Equal(HttpStatusCode.Gone, (await thief.GetAsync(link, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await thief.GetAsync("/api/v1/runs", Ct)).StatusCode);
    }

    [Fact]
    public async Task Page_ThatDoesNotExist_SaysSoInsideThePanel()
    {
        using var browser = Site.Browser();
        var stranger = await browser.GetAsync("/no/such/page", Ct);
        Assert.Equal("/sign-in", stranger.Headers.Location?.AbsolutePath);

        await browser.FillAsync(
            await Site.LinkAsync((await Site.UserAsync(LabRoles.Reviewer)).Id),
            ("password", Password),
            ("again", Password)
        );
        var missing = await browser.GetAsync("/no/such/page", Ct);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("There is no such page", await missing.Content.ReadAsStringAsync(Ct));
    }

    [Fact]
    public async Task OneTimeLink_UsedByTwoAtOnce_LetsOneIn()
    {
        var link = await Site.LinkAsync((await WithPasswordAsync(LabRoles.Member)).Id);
        var browsers = Enumerable.Range(0, 6).Select(_ => Site.Browser()).ToList();
        var open = await Task.WhenAll(browsers.Select(b => b.OpenAsync(link)));
        var answers = await Task.WhenAll(browsers.Select(async (b, i) => (await b.SubmitAsync(open[i])).StatusCode));
        Assert.Single(answers, HttpStatusCode.Redirect);
        Assert.Equal(5, answers.Count(a => a == HttpStatusCode.Gone));
    }

    [Fact]
    public async Task OneTimeLink_WeakOrUnequalPassword_StaysUsable()
    {
        var link = await Site.LinkAsync((await Site.UserAsync(LabRoles.Reviewer)).Id);
        using var browser = Site.Browser();
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.FillAsync(link, ("password", "short"), ("again", "short"))).StatusCode);
        var unequal = await browser.FillAsync(link, ("password", Password), ("again", Password + "r"));
        Assert.Contains("The two passwords differ.", await unequal.Content.ReadAsStringAsync(Ct));
        Assert.Equal(HttpStatusCode.Redirect, (await browser.FillAsync(link, ("password", Password), ("again", Password))).StatusCode);
    }

    [Theory]
    [InlineData("/sign-in")]
    [InlineData("/sign-in/once")]
    public async Task Form_WithoutItsToken_SaysSoOnAPageAndDoesNothing(string path)
    {
        using var browser = Site.Browser();
        using var form = new FormUrlEncodedContent([new("name", "admin"), new("password", Password), new("token", "x")]);
        var answer = await browser.PostAsync(path, form, Ct);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("This form is out of date", await answer.Content.ReadAsStringAsync(Ct));
        Assert.DoesNotContain("Set-Cookie", answer.Headers.Select(h => h.Key));
        Assert.True(answer.Headers.Contains("Content-Security-Policy"));
    }

    [Fact]
    public async Task Page_ThatFails_SaysSoWithAllItsHeadersAndNoMore()
    {
        await using var node = Site.Build();
        node.MapGet("/test/fault", string () => throw new InvalidOperationException("a secret of the server")).AllowAnonymous();
        await node.StartAsync(Ct);
        using var browser = new HttpClient { BaseAddress = new Uri(node.Urls.First()) };
        var answer = await browser.GetAsync("/test/fault", Ct);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var page = await answer.Content.ReadAsStringAsync(Ct);
        Assert.Contains("This did not work", page);
        Assert.DoesNotContain("a secret", page);
        Assert.True(answer.Headers.Contains("Content-Security-Policy"));
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task OneTimeLink_AfterADay_IsGone()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var links = new OneTimeLinks(
            Site.App.Services.GetRequiredService<Microsoft.EntityFrameworkCore.IDbContextFactory<SmtWebDbContext>>(),
            new Clock(DateTimeOffset.UtcNow - TimeSpan.FromHours(24.1))
        );
        using var browser = Site.Browser();
        Assert.Equal(HttpStatusCode.Gone, (await browser.GetAsync(await links.CreateAsync(user.Id, Actor.Server, Ct), Ct)).StatusCode);
    }

    [Fact]
    public async Task Password_RightAndWrong_LetsInAndRefuses()
    {
        var user = await WithPasswordAsync(LabRoles.Reviewer);
        using var browser = Site.Browser();
        var wrong = await browser.FillAsync("/sign-in", ("name", user.Name), ("password", "wrong horse"));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        var unknown = await browser.FillAsync("/sign-in", ("name", "nobody"), ("password", "wrong horse"));
        Assert.Equal(Alert(await wrong.Content.ReadAsStringAsync(Ct)), Alert(await unknown.Content.ReadAsStringAsync(Ct)));

        var right = await browser.FillAsync("/sign-in?returnUrl=%2Fruns%2F3", ("name", user.Name), ("password", Password));
        Assert.Equal("/runs/3", right.Headers.Location!.OriginalString);
        var cookie = right.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("smtweb=", StringComparison.Ordinal));
        Assert.Contains("httponly", cookie);
        Assert.Contains("samesite=lax", cookie);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);

        Assert.Equal(HttpStatusCode.Redirect, (await browser.PostAsync("/sign-out", null, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example")]
    public async Task ReturnUrl_OfAnotherSite_LeadsHome(string returnUrl)
    {
        var user = await WithPasswordAsync(LabRoles.Reviewer);
        using var browser = Site.Browser();
        var answer = await browser.FillAsync(
            "/sign-in?returnUrl=" + Uri.EscapeDataString(returnUrl),
            ("name", user.Name),
            ("password", Password)
        );
        Assert.Equal("/", answer.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task SignIn_WithoutFormToken_IsRefused()
    {
        var user = await WithPasswordAsync(LabRoles.Reviewer);
        using var browser = Site.Browser();
        var answer = await browser.PostAsync(
            "/sign-in",
            new FormUrlEncodedContent([new("name", user.Name), new("password", Password)]),
            Ct
        );
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);
    }

    [Fact]
    public async Task SignIn_EleventhAttemptWithinAMinute_MustWait()
    {
        var user = await WithPasswordAsync(LabRoles.Reviewer);
        using var browser = Site.Browser();
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(
                HttpStatusCode.Unauthorized,
                (await browser.FillAsync("/sign-in", ("name", user.Name), ("password", $"guess {i}"))).StatusCode
            );
        }

        var eleventh = await browser.FillAsync("/sign-in", ("name", user.Name), ("password", Password));
        Assert.Equal(HttpStatusCode.TooManyRequests, eleventh.StatusCode);
        Assert.InRange(eleventh.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
    }

    [Fact]
    public async Task Cookie_AfterRestart_StillCounts()
    {
        var user = await WithPasswordAsync(LabRoles.Member);
        using var browser = Site.Browser();
        var signedIn = await browser.FillAsync("/sign-in", ("name", user.Name), ("password", Password));
        var cookie = signedIn.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("smtweb=", StringComparison.Ordinal)).Split(';')[0];

        await using var restarted = Site.Build();
        await restarted.StartAsync(Ct);
        using var client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new Uri(restarted.Urls.First()) };
        client.DefaultRequestHeaders.Add("Cookie", cookie);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/runs", Ct)).StatusCode);
        await restarted.StopAsync(Ct);
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    public async Task CookieRequest_FromAnotherSite_ChangesNothing(string header, string value)
    {
        var user = await WithPasswordAsync(LabRoles.Member);
        using var browser = Site.Browser();
        await browser.FillAsync("/sign-in", ("name", user.Name), ("password", Password));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/runs")
        {
            Content = Json("""{"preset":"swiss-roll","name":"forged"}"""),
        };
        request.Headers.Add(header, value);
        await ProblemAsync(await browser.SendAsync(request, Ct), HttpStatusCode.Forbidden);
        Assert.DoesNotContain(await Site.Runs.ListAsync(Ct), run => run.Name == "forged");
    }

    [Fact]
    public async Task Account_Disabled_CannotSignIn()
    {
        var user = await WithPasswordAsync(LabRoles.Member);
        await Site.App.Services.GetRequiredService<AccountService>().SetDisabledAsync(user.Id, true, Actor.Server);
        using var browser = Site.Browser();
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await browser.FillAsync("/sign-in", ("name", user.Name), ("password", Password))).StatusCode
        );
        Assert.Equal(HttpStatusCode.Gone, (await browser.GetAsync(await Site.LinkAsync(user.Id), Ct)).StatusCode);
    }

    private static string Alert(string html) => html[html.IndexOf("role=\"alert\"", StringComparison.Ordinal)..].Split('<')[0];

    private async Task<AccountInfo> WithPasswordAsync(string role)
    {
        var user = await Site.UserAsync(role);
        using var browser = Site.Browser();
        var answer = await browser.FillAsync(await Site.LinkAsync(user.Id), ("password", Password), ("again", Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return user;
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
