using System.Net;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>A session lives on the server: what ends it ends every copy of its cookie, at once, live connections included.</summary>
public sealed class SessionTests(SiteFixture site) : SiteTest(site)
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task SignOut_EndsEveryCopyOfTheCookie_ButNoOtherSession()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var (browser, cookie) = await SignInAsync(user.Id);
        var (elsewhere, _) = await SignInAsync(user.Id);
        using var thief = WithCookie(cookie);
        Assert.Equal(HttpStatusCode.OK, (await thief.GetAsync("/api/v1/runs", Ct)).StatusCode);
        await browser.PostAsync("/sign-out", null, Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, (await thief.GetAsync("/api/v1/runs", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await thief.GetAsync("/runs", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await elsewhere.GetAsync("/api/v1/runs", Ct)).StatusCode);
    }

    [Fact]
    public async Task PasswordChange_EndsOtherSessionsAndLinksAtOnce_AndKeepsThisOne()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var (browser, old) = await SignInAsync(user.Id);
        var (elsewhere, _) = await SignInAsync(user.Id);
        var link = await Site.LinkAsync(user.Id);
        await using var live = await ConnectAsync(old);
        var end = EndOf(live);
        var changed = await browser.FillAsync(
            "/account/password",
            ("current", SiteFixture.Password),
            ("password", "another horse"),
            ("again", "another horse")
        );
        Assert.Equal(HttpStatusCode.Redirect, changed.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await elsewhere.GetAsync("/api/v1/runs", Ct)).StatusCode);
        using var copy = WithCookie(old);
        Assert.Equal(HttpStatusCode.Unauthorized, (await copy.GetAsync("/api/v1/runs", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Gone, (await browser.GetAsync(link, Ct)).StatusCode);
        await end.WaitAsync(AtOnce, Ct);
    }

    [Theory]
    [InlineData("sign-out")]
    [InlineData("role")]
    [InlineData("closed")]
    [InlineData("reset")]
    public async Task HubConnection_OfASessionThatEnds_IsClosedAtOnce(string how)
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var (browser, cookie) = await SignInAsync(user.Id);
        await using var live = await ConnectAsync(cookie);
        var end = EndOf(live);
        var accounts = Site.App.Services.GetRequiredService<AccountService>();
        await (
            how switch
            {
                "sign-out" => browser.PostAsync("/sign-out", null, Ct),
                "role" => (Task)accounts.SetRoleAsync(user.Id, LabRoles.Reviewer, Actor.Server),
                "closed" => accounts.SetDisabledAsync(user.Id, true, Actor.Server),
                _ => accounts.ClearPasswordAsync(user.Id, Actor.Server),
            }
        );
        await end.WaitAsync(AtOnce, Ct);
        await Assert.ThrowsAsync<HttpRequestException>(() => ConnectAsync(cookie));
    }

    [Fact]
    public async Task Session_NobodyUsedForWeeks_IsOver()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var contexts = Site.App.Services.GetRequiredService<Microsoft.EntityFrameworkCore.IDbContextFactory<SmtWebDbContext>>();
        var then = new SessionService(contexts, new Clock(DateTimeOffset.UtcNow - TimeSpan.FromDays(14.1)));
        var now = new SessionService(contexts, TimeProvider.System);
        var session = await then.BeginAsync(user.Id, Ct);
        var stamp = await StampAsync(user.Id);
        Assert.True(await then.LastsAsync(session, user.Id, stamp, Ct));
        Assert.False(await now.LastsAsync(session, user.Id, stamp, Ct));
        Assert.False(await now.LastsAsync(await now.BeginAsync(user.Id, Ct), user.Id, "another stamp", Ct));
        Assert.False(await now.LastsAsync(await now.BeginAsync(user.Id, Ct), (await Site.UserAsync(LabRoles.Admin)).Id, stamp, Ct));
        Assert.InRange(await now.PurgeAsync(Ct), 1, int.MaxValue);
        Assert.False(await then.LastsAsync(session, user.Id, stamp, Ct));
    }

    private async Task<string?> StampAsync(string userId)
    {
        await using var scope = Site.App.Services.CreateAsyncScope();
        return (
            await scope.ServiceProvider.GetRequiredService<Microsoft.AspNetCore.Identity.UserManager<LabUser>>().FindByIdAsync(userId)
        )!.SecurityStamp;
    }

    private async Task<(HttpClient Browser, string Cookie)> SignInAsync(string userId)
    {
        var browser = Site.Browser();
        var answer = await browser.FillAsync(
            await Site.LinkAsync(userId),
            ("password", SiteFixture.Password),
            ("again", SiteFixture.Password)
        );
        return (
            browser,
            answer.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("smtweb=", StringComparison.Ordinal)).Split(';')[0]
        );
    }

    private HttpClient WithCookie(string cookie)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = Site.Address,
        };
        client.DefaultRequestHeaders.Add("Cookie", cookie);
        return client;
    }

    private async Task<HubConnection> ConnectAsync(string cookie)
    {
        var connection = new HubConnectionBuilder()
            .WithUrl(new Uri(Site.Address, "/hubs/runs"), HttpTransportType.WebSockets, o => o.Headers.Add("Cookie", cookie))
            .Build();
        await connection.StartAsync(Ct);
        return connection;
    }

    private static Task EndOf(HubConnection connection)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Closed += _ =>
        {
            end.TrySetResult();
            return Task.CompletedTask;
        };
        return end.Task;
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
