using System.Security.Claims;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Hosting;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Panel.Tests;

/// <summary>A component of the panel over a real database of its own, with MudBlazor's services and a person of some role.</summary>
[Trait("Needs", "Postgres")]
public abstract class PanelTest(PostgresFixture postgres) : IAsyncDisposable
{
    /// <summary>The account of the person who looks.</summary>
    protected const string PersonId = "account-of-tester";

    private TestDatabase? _database;

    /// <summary>Where components are rendered.</summary>
    protected BunitContext Context { get; } = new();

    /// <summary>The runs.</summary>
    protected IRunStore Store => _database!.Store;

    /// <summary>The database.</summary>
    internal TestDatabase Database => _database!;

    /// <summary>Makes the services; a reviewer reads, a member changes own runs, an administrator all.</summary>
    protected async Task BeginAsync(bool member = true, bool admin = false)
    {
        _database = await postgres.DatabaseAsync();
        BunitContext.DefaultWaitTimeout = TimeSpan.FromSeconds(60); // a machine that does other work beside the tests
        Context.JSInterop.Mode = JSRuntimeMode.Loose;
        Context.JSInterop.SetupModule("./js/page.js").Mode = JSRuntimeMode.Loose;
        Context.Services.AddSmtWebRuns(_database.ConnectionString).AddRunFeed();
        Context.Services.AddMudServices(o => o.PopoverOptions.CheckForPopoverProvider = false);
        Context.Services.AddSingleton(provider => new RunOwnership(
            provider.GetRequiredService<IRunStore>(),
            new ServeOptions { Data = "" }
        ));
        Context.Services.AddScoped<PanelNotices>().AddScoped<PanelQuestions>().AddScoped<RunCommands>().AddScoped<LiveRights>();
        var person = Context.AddAuthorization();
        person.SetAuthorized("tester");
        person.SetRoles(
            admin ? LabRoles.Admin
            : member ? LabRoles.Member
            : LabRoles.Reviewer
        );
        person.SetPolicies(member ? [Policies.Read, Policies.Operate] : [Policies.Read]);
        person.SetClaims(new Claim(ClaimTypes.NameIdentifier, PersonId)); // last: each of the others forgets them
        Context.SetRendererInfo(new RendererInfo("Server", isInteractive: true)); // takes a service, so it comes after them
        Context.Render<MudPopoverProvider>();
    }

    /// <summary>Queues a run.</summary>
    protected Task<long> QueueAsync(string name, string preset = "swiss-roll") =>
        Store.CreateAsync(
            new NewRun(name, Presets.Find(preset)!.Spec.ForQuickTest(), preset, 0, "tester", PersonId),
            Xunit.TestContext.Current.CancellationToken
        );

    /// <summary>The address that the page reads its query from.</summary>
    protected void Visit(string address) => Context.Services.GetRequiredService<NavigationManager>().NavigateTo(address);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Context.DisposeAsync();
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}
