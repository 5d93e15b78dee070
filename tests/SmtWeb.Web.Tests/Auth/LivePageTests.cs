using System.Data.Common;
using System.Globalization;
using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>A live page outlasts the request that opened it: what its person may do is what they may do now.</summary>
public sealed class LivePageTests(SiteFixture site) : SiteTest(site)
{
    private AccountService Accounts => Site.App.Services.GetRequiredService<AccountService>();

    [Fact]
    public async Task Member_WithNothingTaken_ActsAndStaysSignedIn()
    {
        await using var page = await OpenAsync(LabRoles.Member);
        Assert.True(await page.PauseAsync());
        Assert.True(await page.IsSignedInAsync());
    }

    [Theory]
    [InlineData("role")]
    [InlineData("account")]
    [InlineData("password")]
    [InlineData("session")]
    public async Task Member_WhoLost_IsRefusedAtOnceAndSignedOut(string what)
    {
        await using var page = await OpenAsync(LabRoles.Member, ends: what == "session" ? TimeSpan.Zero : TimeSpan.FromDays(14));
        Assert.Null(
            (
                what switch
                {
                    "role" => await Accounts.SetRoleAsync(page.User.Id, LabRoles.Reviewer, Actor.Server),
                    "account" => await Accounts.SetDisabledAsync(page.User.Id, true, Actor.Server),
                    "password" => await Accounts.ClearPasswordAsync(page.User.Id, Actor.Server),
                    _ => AccountChange.Done,
                }
            )!.Problem
        );
        Assert.False(await page.PauseAsync());
        Assert.Equal(RunState.Queued, (await Site.Runs.FindAsync(page.Run, Ct))!.Summary.State);
        Assert.False(await page.IsSignedInAsync());
    }

    [Theory]
    [InlineData("role")]
    [InlineData("account")]
    [InlineData("password")]
    [InlineData("sign-out")]
    public async Task Page_ThatNobodyTouches_IsSignedOutAtOnce(string what)
    {
        await using var page = await OpenAsync(LabRoles.Member);
        await using var other = await OpenAsync(LabRoles.Member);
        await (
            what switch
            {
                "role" => (Task)Accounts.SetRoleAsync(page.User.Id, LabRoles.Reviewer, Actor.Server),
                "account" => Accounts.SetDisabledAsync(page.User.Id, true, Actor.Server),
                "password" => Accounts.ClearPasswordAsync(page.User.Id, Actor.Server),
                _ => Site.App.Services.GetRequiredService<SessionService>().EndAllAsync(page.User.Id, Ct),
            }
        );
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (await page.IsSignedInAsync())
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(10), "the page still has its person");
            await Task.Delay(50, Ct);
        }

        Assert.True(await other.IsSignedInAsync());
    }

    [Fact]
    public async Task Reviewer_Acting_IsRefusedAndStaysSignedIn()
    {
        await using var page = await OpenAsync(LabRoles.Reviewer);
        Assert.False(await page.PauseAsync());
        Assert.True(await page.IsSignedInAsync());
    }

    [Fact]
    public async Task Cookie_OfAMemberDemotedAMomentAgo_ChangesNothing()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        using var browser = Site.Browser();
        await browser.FillAsync(await Site.LinkAsync(user.Id), ("password", "correct horse battery"), ("again", "correct horse battery"));
        Assert.Equal(HttpStatusCode.Created, (await browser.PostAsync("/api/v1/runs", Json("""{"preset":"swiss-roll"}"""), Ct)).StatusCode);
        await Accounts.SetRoleAsync(user.Id, LabRoles.Reviewer, Actor.Server);
        await ProblemAsync(await browser.PostAsync("/api/v1/runs", Json("""{"preset":"swiss-roll"}"""), Ct), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Cookie_OfARequest_TellsThePageWhenItEnds()
    {
        ClaimsPrincipal? seen = null;
        await using var node = Site.Build(builder =>
            builder
                .Services.AddAuthorizationBuilder()
                .AddPolicy(
                    Policies.Operate,
                    p =>
                        p.RequireAssertion(context =>
                        {
                            seen = context.User;
                            return true;
                        })
                )
        );
        await node.StartAsync(Ct);
        var user = await Site.UserAsync(LabRoles.Member);
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new() })
        {
            BaseAddress = new Uri(node.Urls.First()),
        };
        await browser.FillAsync(
            await node.Services.GetRequiredService<OneTimeLinks>().CreateAsync(user.Id, Actor.Server, Ct),
            ("password", "correct horse battery"),
            ("again", "correct horse battery")
        );
        await browser.PostAsync("/api/v1/runs/0/pause", null, Ct);
        var end = DateTimeOffset.Parse(Assert.Single(seen!.FindAll(Welcome.EndClaim)).Value, CultureInfo.InvariantCulture);
        Assert.InRange(end - DateTimeOffset.UtcNow, TimeSpan.FromDays(13), TimeSpan.FromDays(14));
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Welcome_DatabaseAway_IsAFaultOfTheDatabaseAndNoRefusal()
    {
        // LiveAuthenticationState and HubGuests wait for it; any other fault would sign every page out, and end the node
        await using var node = Site.Build(connection: "Host=127.0.0.1;Port=1;Username=nobody;Password=x;Database=x;Timeout=5");
        await using var page = await OpenAsync(LabRoles.Member);
        var person = await page.PersonAsync();
        await Assert.ThrowsAnyAsync<DbException>(() => node.Services.GetRequiredService<Welcome>().LastsAsync(person, Ct));
    }

    private async Task<Page> OpenAsync(string role, TimeSpan? ends = null)
    {
        var user = await Site.UserAsync(role);
        var run = await Site.Runs.CreateAsync(
            new NewRun("live page", Presets.Find("swiss-roll")!.Spec, "swiss-roll", 0, user.Name, user.Id),
            Ct
        );
        var scope = Site.App.Services.CreateAsyncScope();
        ((IHostEnvironmentNavigationManager)scope.ServiceProvider.GetRequiredService<NavigationManager>()).Initialize(
            $"{Site.Address}",
            $"{Site.Address}runs/{run}"
        );
        var users = scope.ServiceProvider.GetRequiredService<UserManager<LabUser>>();
        var person = await scope
            .ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<LabUser>>()
            .CreateAsync((await users.FindByIdAsync(user.Id))!);
        var session = await Site.App.Services.GetRequiredService<SessionService>().BeginAsync(user.Id, Ct);
        ((ClaimsIdentity)person.Identity!).AddClaim(new Claim(SessionCookies.SessionClaim, $"{session:N}"));
        Welcome.Mark(person, DateTimeOffset.UtcNow + (ends ?? TimeSpan.FromDays(14)));
        ((ServerAuthenticationStateProvider)scope.ServiceProvider.GetRequiredService<AuthenticationStateProvider>()).SetAuthenticationState(
            Task.FromResult(new AuthenticationState(person))
        );
        return new Page(scope, user, run);
    }

    /// <summary>The services of a live page, with its person signed in as the request that opened it had them.</summary>
    private sealed class Page(AsyncServiceScope scope, AccountInfo user, long run) : IAsyncDisposable
    {
        public AccountInfo User => user;

        public long Run => run;

        public async Task<bool> PauseAsync()
        {
            var store = scope.ServiceProvider.GetRequiredService<IRunStore>();
            return await scope.ServiceProvider.GetRequiredService<RunCommands>().PauseAsync((await store.FindAsync(run))!.Summary);
        }

        public async Task<ClaimsPrincipal> PersonAsync() =>
            (await scope.ServiceProvider.GetRequiredService<AuthenticationStateProvider>().GetAuthenticationStateAsync()).User;

        public async Task<bool> IsSignedInAsync() => (await PersonAsync()).Identity!.IsAuthenticated;

        public ValueTask DisposeAsync() => scope.DisposeAsync();
    }
}
