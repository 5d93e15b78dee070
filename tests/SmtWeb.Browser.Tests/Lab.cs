using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Playwright;
using SmtWeb.Browser.Tests;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

[assembly: AssemblyFixture(typeof(Lab))]
[assembly: CollectionBehavior(DisableTestParallelization = true)] // one browser and one server share two cores

namespace SmtWeb.Browser.Tests;

/// <summary>A PostgreSQL, a node of role web, a Chromium and seeded runs, for all tests of this assembly.</summary>
public sealed class Lab : IAsyncLifetime
{
    private const string Chromium = "/usr/bin/chromium-headless-shell";
    internal const string Password = "correct horse battery";
    private static readonly string[] Flags =
    [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"smtweb-browser-tests-{Guid.NewGuid():N}");
    private readonly Dictionary<string, string> _signedIn = [];
    private IPlaywright? _playwright;
    private EmbeddedPostgres? _postgres;
    private ServiceProvider? _services;
    private PanelNode? _node;
    private int _port;

    /// <summary>Why nothing can be tested here, or null.</summary>
    public string? Missing { get; private set; }

    internal IBrowser Browser { get; private set; } = default!;

    internal string Address => _node!.Address;

    internal Seeds Seeds { get; private set; } = default!;

    internal string Connection => _postgres!.ConnectionString;

    internal Runs.Datasets.DatasetStore Datasets => _services!.GetRequiredService<Runs.Datasets.DatasetStore>();

    internal WorkItems WorkItems => _services!.GetRequiredService<WorkItems>();

    internal Runs.Datasets.DatasetChecks DatasetChecks => _services!.GetRequiredService<Runs.Datasets.DatasetChecks>();

    internal IRunStore Store => _services!.GetRequiredService<IRunStore>();

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Chromium))
        {
            Missing = $"Chromium is not at {Chromium} (Debian: apt-get install chromium-headless-shell).";
            return;
        }

        Directory.CreateDirectory(_folder);
        try
        {
            _postgres = await EmbeddedPostgres.StartAsync(Path.Combine(_folder, "postgres"), NullLogger.Instance);
        }
        catch (InvalidOperationException e)
        {
            Missing = $"PostgreSQL does not start here: {e.Message}";
            return;
        }

        _services = new ServiceCollection().AddLogging().AddSmtWebRuns(_postgres.ConnectionString).BuildServiceProvider();
        await _services.GetRequiredService<RunsDatabase>().MigrateAsync();
        Seeds = await Seeds.PlantAsync(Store, _services.GetRequiredService<RunsDatabase>(), _services.GetRequiredService<RunQueue>());
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(20_000); // Chromium and server share two cores with whatever else runs there
        Browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = Flags });
        await StartNodeAsync();
        await SignInByLinkAsync("Admin", _node!.Link);
    }

    public async ValueTask DisposeAsync()
    {
        if (Browser is not null)
        {
            await Browser.DisposeAsync();
        }

        _playwright?.Dispose();
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        if (_services is not null)
        {
            await _services.DisposeAsync();
        }

        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }

        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>A page of a person with this role; what it reports as errors is collected.</summary>
    internal async Task<PanelPage> OpenAsync(
        string role = "Admin",
        int width = 1280,
        int height = 900,
        bool dark = false,
        string? zone = null
    )
    {
        if (!_signedIn.ContainsKey(role))
        {
            await SignInByLinkAsync(role, await InviteAsync(role, role.ToLowerInvariant()));
        }

        var context = await Browser.NewContextAsync(
            new()
            {
                BaseURL = Address,
                StorageState = _signedIn[role],
                ViewportSize = new() { Width = width, Height = height },
                ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
                TimezoneId = zone,
            }
        );
        return new PanelPage(context, await context.NewPageAsync());
    }

    /// <summary>A page of somebody new with this role, whose account the test may spoil.</summary>
    internal async Task<(string Name, PanelPage Page)> OpenFreshAsync(string role)
    {
        var name = $"{role.ToLowerInvariant()}-{Guid.NewGuid():N}"[..16];
        await SignInByLinkAsync(name, await InviteAsync(role, name));
        return (name, await OpenAsync(name));
    }

    /// <summary>A page of a stranger.</summary>
    internal async Task<PanelPage> OpenAsStrangerAsync(int width = 1280, bool dark = false)
    {
        var context = await Browser.NewContextAsync(
            new()
            {
                BaseURL = Address,
                ViewportSize = new() { Width = width, Height = width < 500 ? 844 : 900 },
                ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            }
        );
        return new PanelPage(context, await context.NewPageAsync());
    }

    /// <summary>kill -9 of the server.</summary>
    internal Task KillNodeAsync() => _node!.KillAsync();

    /// <summary>Starts the server (again, on the same port).</summary>
    internal async Task StartNodeAsync()
    {
        _node = await PanelNode.StartAsync(
            "--role",
            "web",
            "--port",
            _port.ToString(),
            "--data",
            _folder,
            "--connection",
            Connection,
            "--no-quickstart"
        );
        _port = new Uri(_node.Address).Port;
    }

    /// <summary>An administrator makes an account on the users page and hands out its link.</summary>
    private async Task<string> InviteAsync(string role, string name)
    {
        await using var page = await OpenAsync();
        var users = new UsersAdminPage(page);
        await users.OpenAsync();
        return await users.InviteAsync(name, role);
    }

    private async Task SignInByLinkAsync(string who, string link)
    {
        await using var context = await Browser.NewContextAsync();
        var page = await context.NewPageAsync();
        await page.GotoAsync(link);
        await page.FillAsync("#password", Password);
        await page.FillAsync("#again", Password);
        await page.ClickAsync("button[type=submit]");
        await page.WaitForURLAsync(url => !url.Contains("sign-in"));
        _signedIn[who] = await context.StorageStateAsync();
    }
}
