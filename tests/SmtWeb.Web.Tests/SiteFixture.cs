using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.People;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Hosting;
using SmtWeb.Web.Tests.Api;

[assembly: AssemblyFixture(typeof(SmtWeb.Web.Tests.SiteFixture))]

namespace SmtWeb.Web.Tests;

/// <summary>One node of role web, on a real port and a PostgreSQL of its own, for all tests of this assembly. Nothing trains.</summary>
public sealed class SiteFixture : IAsyncLifetime
{
    /// <summary>The password of everybody who has one.</summary>
    public const string Password = "correct horse";

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"smtweb-web-tests-{Guid.NewGuid():N}");
    private readonly SemaphoreSlim _claims = new(1);
    private EmbeddedPostgres? _postgres;
    private WebApplication? _app;

    /// <summary>Why the site could not be started, or null.</summary>
    public string? Missing { get; private set; }

    public WebApplication App => _app ?? throw new InvalidOperationException(Missing);

    public Uri Address { get; private set; } = new("http://localhost");

    public IRunStore Runs => App.Services.GetRequiredService<IRunStore>();

    public string RepoRoot { get; } =
        typeof(SiteFixture)
            .Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyMetadataAttribute), false)
            .Cast<System.Reflection.AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepoRoot")
            .Value!;

    public async ValueTask InitializeAsync()
    {
        try
        {
            Directory.CreateDirectory(_folder);
            _postgres = await EmbeddedPostgres.StartAsync(Path.Combine(_folder, "postgres"), NullLogger.Instance);
        }
        catch (InvalidOperationException e)
        {
            Missing = $"PostgreSQL does not start here: {e.Message}";
            return;
        }

        _app = Build();
        await _app.Services.GetRequiredService<RunsDatabase>().MigrateAsync();
        await _app.Services.GetRequiredService<FirstAccount>().EnsureAsync(default);
        await _app.StartAsync();
        Address = new Uri(_app.Urls.First());
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A run in its first attempt, and the writer of that attempt: what a worker and its trainer would have.</summary>
    internal async Task<(long Run, AttemptWriter Writer)> TrainingRunAsync(string preset, WebApplication? node = null)
    {
        var services = (node ?? App).Services;
        // one after another, or two tests would claim each other's run
        await _claims.WaitAsync();
        try
        {
            var run = await services
                .GetRequiredService<IRunStore>()
                .CreateAsync(new NewRun("claimed", Presets.Find(preset)!.Spec, preset, 1_000_000, "test"));
            var claimed = await services.GetRequiredService<RunQueue>().ClaimAsync(Guid.NewGuid(), "test", TimeSpan.FromHours(1));
            Assert.Equal(run, claimed!.RunId);
            var writer = new AttemptWriter(services.GetRequiredService<RunsDatabase>(), run, claimed.Attempt);
            await writer.BeginAsync("test");
            return (run, writer);
        }
        finally
        {
            _claims.Release();
        }
    }

    /// <summary>A node on a database of its own, with nothing but the first account; started.</summary>
    internal async Task<WebApplication> FreshAsync(NodeRole role = NodeRole.Web, Action<WebApplicationBuilder>? adjust = null)
    {
        var name = $"fresh_{Guid.NewGuid():N}";
        await using (var create = App.Services.GetRequiredService<RunsDatabase>().Source.CreateCommand($"CREATE DATABASE {name}"))
        {
            await create.ExecuteNonQueryAsync();
        }

        var app = Build(
            adjust,
            connection: new NpgsqlConnectionStringBuilder(_postgres!.ConnectionString) { Database = name }.ConnectionString,
            role: role
        );
        await app.Services.GetRequiredService<RunsDatabase>().MigrateAsync();
        await app.Services.GetRequiredService<FirstAccount>().EnsureAsync(default);
        await app.StartAsync();
        return app;
    }

    /// <summary>Another node, on the same database unless another is given; not started.</summary>
    internal WebApplication Build(
        Action<WebApplicationBuilder>? adjust = null,
        string? connection = null,
        NodeRole role = NodeRole.Web,
        Func<ServeOptions, ServeOptions>? options = null
    ) =>
        SmtWebApp.Build(
            (options ?? (o => o))(
                new ServeOptions
                {
                    Port = 0,
                    Host = "localhost",
                    Data = _folder,
                    Role = role,
                    Quickstart = false,
                }
            ),
            connection ?? _postgres!.ConnectionString,
            builder =>
            {
                // all tests come from one address; the limit on one account stays as it is
                builder.Configuration["SmtWeb:SignIn:AttemptsPerMinuteAndAddress"] = "100000";
                builder.Logging.SetMinimumLevel(LogLevel.Error);
                adjust?.Invoke(builder);
            }
        );

    /// <summary>A browser: keeps cookies, does not follow redirects.</summary>
    public HttpClient Browser(WebApplication? node = null) =>
        new(Contract(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }))
        {
            BaseAddress = node is null ? Address : new Uri(node.Urls.First()),
        };

    /// <summary>A browser in which that user is signed in, who chooses a password for it if there is none.</summary>
    public async Task<HttpClient> SignedInAsync(string userId, WebApplication? node = null)
    {
        var browser = Browser(node);
        var link = await (node ?? App).Services.GetRequiredService<OneTimeLinks>().CreateAsync(userId, Actor.Server);
        var answer = await browser.FillAsync(link, ("password", Password), ("again", Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return browser;
    }

    /// <summary>A program with a fresh API key of a fresh user of that role.</summary>
    public async Task<HttpClient> ProgramAsync(string role) => Program(await KeyAsync(role));

    /// <summary>A program with that key.</summary>
    public HttpClient Program(string key)
    {
        var client = new HttpClient(Contract(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }))
        {
            BaseAddress = Address,
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>A program with a key of that user, with these scopes.</summary>
    public async Task<HttpClient> ProgramOfAsync(string userId, params string[] scopes) =>
        Program(
            (
                await App
                    .Services.GetRequiredService<ApiKeyService>()
                    .CreateAsync(userId, "test", Actor.Server, scopes.Length == 0 ? null : scopes)
            ).Secret
        );

    /// <summary>A run of that user, queued.</summary>
    public Task<long> RunOfAsync(AccountInfo user, string name = "run") =>
        Runs.CreateAsync(new NewRun(name, Presets.Find("swiss-roll")!.Spec, "swiss-roll", 0, user.Name, user.Id));

    /// <summary>Every answer that a test gets is held against the OpenAPI document.</summary>
    private ContractHandler Contract(HttpMessageHandler inner) => new(() => App) { InnerHandler = inner };

    public async Task<string> KeyAsync(string role) =>
        (
            await App
                .Services.GetRequiredService<ApiKeyService>()
                .CreateAsync((await UserAsync(role)).Id, "test", Actor.Server, KeyScopes.All)
        ).Secret;

    /// <summary>A fresh user of that role, without a password.</summary>
    public async Task<AccountInfo> UserAsync(string role)
    {
        var (account, change) = await App
            .Services.GetRequiredService<AccountService>()
            .CreateAsync($"{role.ToLowerInvariant()}-{Guid.NewGuid():N}", role, Actor.Server);
        return account ?? throw new InvalidOperationException(change.Problem);
    }

    public async Task<string> LinkAsync(string userId) =>
        await App.Services.GetRequiredService<OneTimeLinks>().CreateAsync(userId, Actor.Server);
}
