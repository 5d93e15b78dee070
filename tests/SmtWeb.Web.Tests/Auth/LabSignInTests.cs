using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>Sign-in at the lab's own provider, with ASP.NET Core's handler against a provider of the test's.</summary>
public sealed class LabSignInTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Somebody_KnownToTheProvider_GetsTheAccountOfTheirId_WhateverTheirNameBecomes()
    {
        await using var provider = await LabProvider.StartAsync(Ct);
        await using var node = await NodeAsync(provider, LabRoles.Member);
        provider.Person = new($"sub-{Guid.NewGuid():N}", $"lab-{Guid.NewGuid():N}"[..20]);
        var name = provider.Person.Name;
        using (var browser = Site.Browser(node))
        {
            Assert.Contains("/sign-in/lab", await browser.OpenAsync("/sign-in"));
            var answer = await FollowAsync(browser, "/sign-in/lab?returnUrl=%2Fruns%2F3");
            Assert.Equal("/runs/3", answer.Headers.Location?.OriginalString);
            Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);
            await browser.PostAsync("/sign-out", null, Ct);
            Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);
        }

        provider.Person = provider.Person with { Name = "married" };
        using var again = Site.Browser(node);
        await FollowAsync(again, "/sign-in/lab");
        Assert.Equal(HttpStatusCode.OK, (await again.GetAsync("/api/v1/runs", Ct)).StatusCode);
        var accounts = await node.Services.GetRequiredService<AccountService>().ListAsync(Ct);
        Assert.Equal(LabRoles.Member, accounts.Single(a => a.Name == name).Role);
        Assert.DoesNotContain(accounts, a => a.Name == "married");
        Assert.Equal(
            2,
            (await node.Services.GetRequiredService<AuditLog>().ListAsync(actor: name, action: AuditActions.SignedIn, ct: Ct)).Count
        );
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Somebody_NamedLikeAnAccount_DoesNotGetIt()
    {
        await using var provider = await LabProvider.StartAsync(Ct);
        await using var node = await NodeAsync(provider, LabRoles.Member);
        var admin = await Site.UserAsync(LabRoles.Admin);
        provider.Person = new($"sub-{Guid.NewGuid():N}", admin.Name);
        using var browser = Site.Browser(node);
        Assert.Equal(HttpStatusCode.Unauthorized, (await FollowAsync(browser, "/sign-in/lab")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);

        // its owner links it, signed in here and there; from then on the provider's id opens it
        using (var owner = await Site.SignedInAsync(admin.Id, node))
        {
            Assert.Equal(HttpStatusCode.Redirect, (await FollowAsync(owner, "/sign-in/lab")).StatusCode);
        }

        await FollowAsync(browser, "/sign-in/lab");
        Assert.Contains(admin.Name, await browser.GetStringAsync("/api/v1/users", Ct));

        await node
            .Services.GetRequiredService<AccountService>()
            .CreateAsync($"other-{Guid.NewGuid():N}"[..20], LabRoles.Admin, Actor.Server);
        await node.Services.GetRequiredService<AccountService>().SetDisabledAsync(admin.Id, true, Actor.Server);
        using var closed = Site.Browser(node);
        Assert.Equal(HttpStatusCode.Unauthorized, (await FollowAsync(closed, "/sign-in/lab")).StatusCode);
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Somebody_Unknown_WhereAccountsAreNotMade_IsToldSo()
    {
        await using var provider = await LabProvider.StartAsync(Ct);
        await using var node = await NodeAsync(provider, createAs: null);
        provider.Person = new($"sub-{Guid.NewGuid():N}", $"lab-{Guid.NewGuid():N}"[..20]);
        using var browser = Site.Browser(node);
        var answer = await FollowAsync(browser, "/sign-in/lab");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("no open account", await answer.Content.ReadAsStringAsync(Ct));
        Assert.DoesNotContain(await node.Services.GetRequiredService<AccountService>().ListAsync(Ct), a => a.Name == provider.Person.Name);
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Token_OfAForger_LetsNobodyIn()
    {
        await using var provider = await LabProvider.StartAsync(Ct);
        provider.Forges = true;
        await using var node = await NodeAsync(provider, LabRoles.Member);
        provider.Person = new($"sub-{Guid.NewGuid():N}", $"lab-{Guid.NewGuid():N}"[..20]);
        using var browser = Site.Browser(node);
        Assert.Equal(HttpStatusCode.Unauthorized, (await FollowAsync(browser, "/sign-in/lab")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/v1/runs", Ct)).StatusCode);
        await node.StopAsync(Ct);
    }

    [Theory]
    [InlineData("Authority", "http://lab.example.org")]
    [InlineData("Authority", "lab")]
    [InlineData("ClientId", "")]
    [InlineData("CreateAs", "Admin")]
    public void Settings_ThatCannotBeUsed_AreNamed(string name, string value)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Authority"] = "https://lab.example.org",
            ["ClientId"] = "a",
            ["ClientSecret"] = "b",
            ["CreateAs"] = "Member",
        };
        settings[name] = value;
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create($"SmtWeb:OpenId:{s.Key}", s.Value)))
            .Build();
        Assert.Contains($"SmtWeb:OpenId:{name}", Assert.Throws<CommandLineException>(() => LabSignInOptions.Read(configuration)).Message);
    }

    private async Task<WebApplication> NodeAsync(LabProvider provider, string? createAs)
    {
        var lab = new LabSignInOptions
        {
            Authority = provider.Authority,
            ClientId = LabProvider.ClientId,
            ClientSecret = LabProvider.ClientSecret,
            Name = "the lab",
            CreateAs = createAs,
        };
        var node = Site.Build(options: o => o with { Lab = lab });
        await node.StartAsync(Ct);
        return node;
    }

    /// <summary>Goes where the site and the provider send the browser, until something else than the round trip is answered.</summary>
    private static async Task<HttpResponseMessage> FollowAsync(HttpClient browser, string path)
    {
        var answer = await browser.GetAsync(path, Ct);
        for (var i = 0; i < 6 && answer.StatusCode == HttpStatusCode.Redirect; i++)
        {
            var to = new Uri(answer.RequestMessage!.RequestUri!, answer.Headers.Location!);
            if (to.AbsolutePath != "/authorize" && !to.AbsolutePath.StartsWith("/sign-in/lab", StringComparison.Ordinal))
            {
                return answer;
            }

            answer = await browser.GetAsync(to, Ct);
        }

        return answer;
    }
}
