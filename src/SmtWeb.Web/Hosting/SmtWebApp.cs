using Microsoft.Extensions.Logging.Console;
using SmtWeb.Runs;
using SmtWeb.Smt.Sampling;
using SmtWeb.Web.Api;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Hubs;
using SmtWeb.Web.Jobs;
using SmtWeb.Web.Panel;
using SmtWeb.Worker;
using SmtWeb.Worker.Imports;

namespace SmtWeb.Web.Hosting;

/// <summary>One node, put together: what it knows (services), the way of a request (pipeline), and what it answers (endpoints).</summary>
internal static class SmtWebApp
{
    // A trainer writes a checkpoint before it leaves.
    private static readonly TimeSpan PatienceForCheckpoints = TimeSpan.FromSeconds(90);

    /// <summary>
    /// Builds the node of <paramref name="options"/> on the database of <paramref name="connection"/>; nothing is started yet.
    /// </summary>
    internal static WebApplication Build(ServeOptions options, string connection, Action<WebApplicationBuilder>? adjust = null)
    {
        var builder = CreateBuilder();
        builder.WebHost.ConfigureKestrel(o =>
        {
            o.AddServerHeader = false;
            o.Limits.MaxRequestBodySize = ApiSetup.MaxBodyBytes;
        });
        builder.WebHost.UseUrls(UrlOf(options));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = PatienceForCheckpoints);
        builder.Services.AddSingleton(options);
        builder.Services.AddSmtWebRuns(connection);
        if (options.Role != NodeRole.Worker)
        {
            builder.Services.AddImports(new ImportOptions(Path.Combine(options.Data, "weights")));
            builder
                .Services.AddRunFeed()
                .AddGeneration(OneStepGenerator.Load, neighbours: new() { Folder = options.Metrics, Threads = options.Threads });
        }

        builder.Services.AddSingleton<QuickstartSeeder>();
        if (options.Role != NodeRole.Web)
        {
            builder.Services.AddRunWorker(
                new WorkerOptions
                {
                    ConnectionString = connection,
                    Threads = options.Threads,
                    MetricsFolder = options.Metrics,
                }
            );
        }

        builder.Services.AddApi();
        builder.Services.AddHubs();
        builder.Services.AddRazorComponents().AddInteractiveServerComponents();
        builder.Services.AddPanel();
        builder.Services.AddAuth(options.Lab);
        adjust?.Invoke(builder);
        var app = builder.Build();
        if (options.Role == NodeRole.Worker)
        {
            app.UseAuthorization();
            app.MapHealth();
            return app;
        }

        app.UseProxies(options);
        app.UseSecurityHeaders();
        app.UseMiddleware<HostGuard>();
        app.UseApiErrors();
        app.UseFaultPage();
        app.UseNotFoundPage();
        app.UseHeadAsGet();
        app.UseRouting();
        app.UseHeadAgain();
        app.UseMiddleware<CrossSiteGuard>();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseBodyLimit();
        app.UseCompressedBodies();
        app.UseAntiforgery();
        app.UseStaleFormPage();
        app.MapStaticAssets().AllowAnonymous(); // scripts, styles and fonts hold no data; the sign-in page needs some
        app.MapHealth();
        app.MapSignIn();
        app.MapApi();
        app.MapHubs();
        app.MapJobs();
        app.MapPanel();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode();
        return app;
    }

    /// <summary>Configuration from appsettings.json and the environment; <c>SMTWEB_PORT</c> is short for <c>SmtWeb__Port</c>.</summary>
    internal static WebApplicationBuilder CreateBuilder()
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions
            {
                ApplicationName = typeof(SmtWebApp).Assembly.GetName().Name, // tests start the app from another entry assembly
                ContentRootPath = ContentRoot.Find(),
                WebRootPath = "wwwroot",
            }
        );
        builder.WebHost.UseStaticWebAssets();
        // the console writes escapes out (PlainWriter)
        builder.Services.Configure<SimpleConsoleFormatterOptions>(o => o.ColorBehavior = LoggerColorBehavior.Disabled);
        builder.Configuration.AddInMemoryCollection(
            Environment
                .GetEnvironmentVariables()
                .Keys.Cast<string>()
                .Where(k => k.StartsWith("SMTWEB_", StringComparison.Ordinal))
                .Select(k =>
                    KeyValuePair.Create("SmtWeb:" + k["SMTWEB_".Length..].Replace("__", ":"), Environment.GetEnvironmentVariable(k))
                )
        );
        return builder;
    }

    /// <summary>Kestrel takes a free port on an address only, not on the name localhost.</summary>
    private static string UrlOf(ServeOptions options) =>
        options is { Port: 0, Host: "localhost" } ? "http://127.0.0.1:0" : $"http://{options.Host}:{options.Port}";
}
