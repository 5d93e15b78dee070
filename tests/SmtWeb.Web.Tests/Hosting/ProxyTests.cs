using System.Net;
using System.Text.Json;
using SmtWeb.Runs.Entities;
using SmtWeb.Web.Cli;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Tests.Hosting;

/// <summary>Which host, client and scheme a request is believed to have: those of a named proxy, and of nobody else.</summary>
public sealed class ProxyTests(SiteFixture site) : SiteTest(site)
{
    [Theory]
    [InlineData("evil.com")]
    [InlineData("evil.com:5080")]
    [InlineData("localhost.evil.com")]
    [InlineData("6.6.6.6")]
    [InlineData("[2001:db8::1]")]
    public async Task Host_ThatIsNotTheServers_IsRefusedEverywhereButHealth(string host)
    {
        using var browser = await Site.SignedInAsync((await Site.UserAsync(LabRoles.Admin)).Id);
        foreach (var path in new[] { "/sign-in", "/api/v1/runs", "/runs", "/sign-in/once?token=x" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Host = host } };
            Assert.Equal(HttpStatusCode.BadRequest, (await browser.SendAsync(request, Ct)).StatusCode);
        }

        using var make = new HttpRequestMessage(HttpMethod.Post, "/api/v1/users")
        {
            Headers = { Host = host },
            Content = Json($$"""{"name":"{{Guid.NewGuid():N}}","role":"member"}"""),
        };
        var answer = await browser.SendAsync(make, Ct);
        Assert.Contains("--hosts", (await ProblemAsync(answer, HttpStatusCode.BadRequest)).GetProperty("detail").GetString());
        using var health = new HttpRequestMessage(HttpMethod.Get, "/health") { Headers = { Host = host } };
        Assert.Equal(HttpStatusCode.OK, (await browser.SendAsync(health, Ct)).StatusCode);
    }

    [Fact]
    public async Task Forwarded_BySomebodyWhoIsNoNamedProxy_CountsForNothing()
    {
        using var browser = await Site.SignedInAsync((await Site.UserAsync(LabRoles.Admin)).Id);
        using var make = Forwarded(HttpMethod.Post, "/api/v1/users", "evil.com", "9.9.9.9");
        make.Content = Json($$"""{"name":"{{Guid.NewGuid():N}}"[..20],"role":"member"}""".Replace("\"[..20]", "\""));
        var link = JsonDocument
            .Parse(await (await browser.SendAsync(make, Ct)).EnsureSuccessStatusCode().Content.ReadAsStringAsync(Ct))
            .RootElement.GetProperty("link")
            .GetString();
        Assert.StartsWith(Site.Address.ToString(), link);
    }

    [Fact]
    public async Task Forwarded_ByANamedProxy_IsHostSchemeAndClient()
    {
        await using var node = Site.Build(
            builder => builder.Configuration["SmtWeb:SignIn:AttemptsPerMinuteAndAddress"] = "3",
            options: o => o with { Proxies = ProxySetup.Parse("127.0.0.0/8 ::1", "test"), Hosts = ["lab.example.org:443", "[2001:db8::7]"] }
        );
        await node.StartAsync(Ct);
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = new Uri(node.Urls.First()),
        };
        var page = await client.SendAsync(Forwarded(HttpMethod.Get, "/sign-in", "lab.example.org", "10.0.0.1"), Ct);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.All(page.Headers.GetValues("Set-Cookie"), c => Assert.Contains("secure", c));
        Assert.Equal(
            HttpStatusCode.OK,
            (await client.SendAsync(Forwarded(HttpMethod.Get, "/sign-in", "[2001:db8::7]:8443", "10.0.0.1"), Ct)).StatusCode
        );
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await client.SendAsync(Forwarded(HttpMethod.Get, "/sign-in", "evil.com", "10.0.0.1"), Ct)).StatusCode
        );
        // past the proxy, by a name that is not listed
        Assert.Equal(HttpStatusCode.BadRequest, (await client.GetAsync("/sign-in", Ct)).StatusCode);

        // the limit counts clients: a fourth attempt of one waits, the first of another does not
        async Task<HttpStatusCode> AttemptAsync(string from)
        {
            using var open = Forwarded(HttpMethod.Get, "/sign-in", "lab.example.org", from);
            var form = await client.SendAsync(open, Ct);
            var cookie = string.Join("; ", form.Headers.GetValues("Set-Cookie").Select(c => c.Split(';')[0]));
            using var attempt = Forwarded(HttpMethod.Post, "/sign-in", "lab.example.org", from);
            var token = System.Text.RegularExpressions.Regex.Match(
                await form.Content.ReadAsStringAsync(Ct),
                "name=\"(__[^\"]+)\" value=\"([^\"]+)\""
            );
            attempt.Headers.Add("Cookie", cookie);
            attempt.Content = new FormUrlEncodedContent([
                new(token.Groups[1].Value, token.Groups[2].Value),
                new("name", $"x{Guid.NewGuid():N}"),
                new("password", "wrong horse"),
            ]);
            return (await client.SendAsync(attempt, Ct)).StatusCode;
        }

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AttemptAsync("10.0.0.1"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await AttemptAsync("10.0.0.1"));
        // what the client itself wrote before the proxy does not count
        Assert.Equal(HttpStatusCode.TooManyRequests, await AttemptAsync("6.6.6.6, 10.0.0.1"));
        Assert.Equal(HttpStatusCode.Unauthorized, await AttemptAsync("10.0.0.2"));
        await node.StopAsync(Ct);
    }

    [Theory]
    [InlineData("10.0.0.5", 1)]
    [InlineData("10.0.0.5, 10.1.0.0/16 ::1", 3)]
    public void Proxies_Listed_AreRead(string text, int count) => Assert.Equal(count, ProxySetup.Parse(text, "x").Count);

    [Fact]
    public void Proxies_Misspelt_AreNamed() =>
        Assert.Contains(
            "'10.0.0.300'",
            Assert.Throws<CommandLineException>(() => ProxySetup.Parse("10.0.0.300", "Option --proxies")).Message
        );

    private static HttpRequestMessage Forwarded(HttpMethod method, string path, string host, string client) =>
        new(method, path)
        {
            Headers =
            {
                { "X-Forwarded-Host", host },
                { "X-Forwarded-For", client },
                { "X-Forwarded-Proto", "https" },
            },
        };
}
