using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticAssets;
using Microsoft.Extensions.DependencyInjection;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>What a stranger gets. The list comes from the running site, so that no new endpoint can be forgotten.</summary>
public sealed class StrangerTests(SiteFixture site) : SiteTest(site)
{
    private static readonly string[] Open = ["/health", "/panel/theme.css", "/sign-in", "/sign-in/once"];

    private IEnumerable<RouteEndpoint> Endpoints =>
        Site.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    [Fact]
    public void Endpoints_OpenToStrangers_AreSignInHealthAndStaticFiles()
    {
        var open = Endpoints
            .Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is not null && e.Metadata.GetMetadata<StaticAssetDescriptor>() is null)
            .Select(e => "/" + e.RoutePattern.RawText!.Trim('/'))
            .Distinct()
            .Order();
        Assert.Equal(Open, open);
    }

    [Fact]
    public async Task Endpoints_AskedByStranger_AllRefuse()
    {
        using var stranger = Site.Browser();
        var wrong = new List<string>();
        var asked = 0;
        foreach (var endpoint in Endpoints.Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is null))
        {
            var path = "/" + Regex.Replace(endpoint.RoutePattern.RawText!.Trim('/'), @"\{\*{0,2}[^}]*\}", "1");
            foreach (
                var method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods is { Count: > 0 } methods
                    ? methods
                    : ["GET", "POST"]
            )
            {
                var answer = await stranger.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Ct);
                var toSignIn = answer.StatusCode == HttpStatusCode.Redirect && answer.Headers.Location!.AbsolutePath == "/sign-in";
                asked++;
                if (answer.StatusCode != HttpStatusCode.Unauthorized && !toSignIn)
                {
                    wrong.Add($"{method} {path}: {(int)answer.StatusCode}");
                }
            }
        }

        Assert.Empty(wrong);
        Assert.True(asked > 30, $"only {asked} endpoints were found");
    }

    [Theory]
    [InlineData("/api/v1/runs")]
    [InlineData("/api/v1/there-is-no-such-thing")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/hubs/runs/negotiate")]
    public async Task Program_WithoutKey_GetsProblem401(string path)
    {
        using var stranger = Site.Browser();
        var problem = await ProblemAsync(await stranger.GetAsync(path, Ct), HttpStatusCode.Unauthorized);
        Assert.Contains("API key", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Person_WithoutCookie_IsSentToSignInAndBack()
    {
        using var stranger = Site.Browser();
        var answer = await stranger.GetAsync("/runs/7?tab=samples", Ct);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/sign-in?returnUrl=%2Fruns%2F7%3Ftab%3Dsamples", answer.Headers.Location!.PathAndQuery);
    }

    [Fact]
    public async Task Answers_SecurityHeaders_AreOnAllOfThem()
    {
        using var stranger = Site.Browser();
        foreach (var path in new[] { "/sign-in", "/api/v1/runs", "/", "/health", "/_framework/blazor.web.js" })
        {
            var headers = (await stranger.GetAsync(path, Ct)).Headers;
            var policy = headers.GetValues("Content-Security-Policy").First();
            Assert.Contains("script-src 'self';", policy);
            Assert.Contains("style-src 'self';", policy); // style attributes alone may be inline (ADR 31)
            Assert.Contains("frame-ancestors 'none'", policy);
            Assert.DoesNotContain("unsafe-eval", policy);
            Assert.Equal("nosniff", headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("same-origin", headers.GetValues("Referrer-Policy").Single());
            Assert.False(headers.Contains("Server"), path);
        }
    }

    [Fact]
    public async Task Health_AskedByStranger_TellsStatusAndNoSecret()
    {
        using var stranger = Site.Browser();
        var answer = await stranger.GetAsync("/health", Ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("""{"status":"ok","role":"web","database":"ok","worker":"none"}""", await answer.Content.ReadAsStringAsync(Ct));
    }
}
