using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Panel.Run;

namespace SmtWeb.Panel.Tests;

/// <summary>The header of a run: what it says and offers in every state.</summary>
public sealed class RunHeaderTests(PostgresFixture postgres) : PanelTest(postgres)
{
    private static readonly DateTimeOffset Now = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(RunState.Queued, "Pause,Cancel,Clone,Delete")]
    [InlineData(RunState.Starting, "Pause,Cancel,Clone")]
    [InlineData(RunState.Running, "Pause,Cancel,Clone")]
    [InlineData(RunState.Stopping, "Clone")]
    [InlineData(RunState.Paused, "Resume,Cancel,Clone,Delete")]
    [InlineData(RunState.Recovering, "Pause,Cancel,Clone")]
    [InlineData(RunState.Finished, "Clone,Delete")]
    [InlineData(RunState.Failed, "Resume,Clone,Delete")]
    [InlineData(RunState.Cancelled, "Resume,Clone,Delete")]
    public async Task Header_State_IsNamedAndOffersWhatMakesSense(RunState state, string actions)
    {
        await BeginAsync();
        var header = Render(Run(state));
        Assert.Equal(state.ToString(), header.Find("[data-state]").TextContent.Trim());
        Assert.Equal(actions.Split(','), header.FindAll(".actions button, .actions a").Select(b => b.TextContent.Trim()));
        Assert.All(header.FindAll(".actions button, .actions a"), b => Assert.EndsWith("a run", b.GetAttribute("aria-label")));
    }

    [Fact]
    public async Task Header_Reviewer_IsOfferedNothing()
    {
        await BeginAsync(member: false);
        var header = Render(Run(RunState.Running));
        Assert.Empty(header.FindAll("button"));
    }

    [Theory]
    [InlineData("another account", "ada", "Run 7 belongs to ada; only ada or an administrator changes it.")]
    [InlineData(null, "quickstart", "Run 7 belongs to the lab; only an administrator changes it.")]
    public async Task Header_RunOfOthers_OffersToCloneItAndSaysWhyNoMore(string? owner, string by, string reason)
    {
        await BeginAsync();
        var header = Render(OfOthers(Run(RunState.Queued) with { WaitsBecause = "Position 1 of 1." }, owner, by));
        Assert.Contains(reason, header.Find("[data-refusal]").TextContent);
        Assert.StartsWith(reason, header.Find(".actions").GetAttribute("title"));
        Assert.Equal(["Pause", "Cancel", "Delete"], header.FindAll(".actions button").Select(b => b.TextContent.Trim()));
        Assert.All(header.FindAll("button"), b => Assert.True(b.HasAttribute("disabled"), b.OuterHtml));
        Assert.Equal("/runs/new?clone=7", header.Find(".actions a").GetAttribute("href"));
    }

    [Fact]
    public async Task Header_RunOfOthers_IsAnAdministratorsToChange()
    {
        await BeginAsync(admin: true);
        var header = Render(OfOthers(Run(RunState.Running), "another account", "ada"));
        Assert.Equal("owner: ada", header.Find("[data-owner]").TextContent);
        Assert.Empty(header.FindAll("[data-refusal], button[disabled]"));
    }

    [Fact]
    public async Task Header_OwnRun_CanBeChanged()
    {
        await BeginAsync();
        var header = Render(Run(RunState.Running));
        Assert.Equal("owner: tester", header.Find("[data-owner]").TextContent);
        Assert.Empty(header.FindAll("[data-refusal], button[disabled]"));
    }

    [Fact]
    public async Task Header_Failed_SaysWhy()
    {
        await BeginAsync();
        var header = Render(Run(RunState.Failed, reason: "The loss was not finite."));
        Assert.Contains("The loss was not finite.", header.Find("[role=alert]").TextContent);
        Assert.Equal("/runs/7/log", header.Find("[role=alert] a").GetAttribute("href"));
    }

    [Fact]
    public async Task Header_NotFinite_SaysFromWhereAndOffersAFork()
    {
        await BeginAsync();
        var run = Run(RunState.Failed, reason: "The loss was not finite.");
        var alert = Render(run with { Summary = run.Summary with { FirstBadIteration = 1234 } }).Find("[role=alert]");
        Assert.Contains("Not finite from iteration 1,234 on.", alert.TextContent);
        Assert.Equal("/runs/7/checkpoints", alert.QuerySelector("a")!.GetAttribute("href"));
    }

    [Theory]
    [InlineData(0.05, false)]
    [InlineData(41, true)]
    [InlineData(double.NaN, true)]
    public async Task Header_Exploded_IsPointedOut(double distance, bool shown)
    {
        await BeginAsync();
        var run = Run(RunState.Running);
        Assert.Equal(shown, Render(run with { Summary = run.Summary with { Distance = distance } }).FindAll("[data-exploded]").Count == 1);
    }

    [Theory]
    [InlineData("the parent", "forked from the parent (#3) at iteration 40, compare")]
    [InlineData(null, "forked from run #3, which is gone, at iteration 40")]
    public async Task Header_Fork_NamesItsParent(string? parent, string words)
    {
        await BeginAsync();
        var run = Run(RunState.Running);
        var line = Render(run with { Summary = run.Summary with { ParentRunId = 3, ForkedAt = 40 }, ParentName = parent })
            .Find("[data-parent]");
        Assert.EndsWith(
            words,
            string.Join(' ', line.TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
                .Replace(" ,", ",", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Header_Waiting_SaysWhyAndOffersThePriority()
    {
        await BeginAsync();
        var header = Render(Run(RunState.Queued) with { WaitsBecause = "Position 2 of 3: no worker is alive." });
        Assert.Contains("no worker is alive", header.Find(".waiting").TextContent);
        Assert.Equal(2, header.FindAll(".waiting button").Count);
    }

    [Fact]
    public async Task Header_HeartbeatMissing_IsPointedOut()
    {
        await BeginAsync();
        Assert.Contains(
            "No heartbeat from gpu-1 for 20 s",
            Render(Run(RunState.Running) with { Worker = "gpu-1", LastHeartbeat = Now.AddSeconds(-20) }).Markup
        );
        Assert.DoesNotContain("No heartbeat", Render(Run(RunState.Running) with { LastHeartbeat = Now.AddSeconds(-5) }).Markup);
    }

    [Fact]
    public async Task Header_NameWithHiddenCharacters_ShowsThem()
    {
        await BeginAsync();
        var run = Run(RunState.Finished);
        var header = Render(run with { Summary = run.Summary with { Name = "a\u202Egnp\u200B" } });
        Assert.Equal("a[U+202E]gnp[U+200B]", header.Find("h1").TextContent);
    }

    [Fact]
    public async Task Rename_Begun_HasTheNameAndRefusesNone()
    {
        await BeginAsync();
        var header = Render(Run(RunState.Finished));
        await header.Find("#rename").ClickAsync(new());
        Assert.Equal("a run", header.Find("#run-name").GetAttribute("value"));
        await header.Find("#run-name").InputAsync("  ");
        Assert.True(header.Find("button[type=submit]").HasAttribute("disabled"));
    }

    private IRenderedComponent<RunHeader> Render(RunDetail run) =>
        Context.Render<RunHeader>(p => p.Add(h => h.Run, run).Add(h => h.Now, Now));

    private static RunDetail OfOthers(RunDetail run, string? owner, string by) =>
        run with
        {
            Summary = run.Summary with { OwnerId = owner, CreatedBy = by },
        };

    private static RunDetail Run(RunState state, string? reason = null) =>
        new(
            new(
                7,
                "a run",
                "swiss-roll",
                "smt",
                "swissRoll",
                state,
                reason,
                0,
                null,
                100,
                1000,
                7000,
                "sw2",
                0.05,
                0.04,
                Now.AddHours(-1),
                Now.AddHours(-1),
                null,
                "tester",
                60,
                PersonId
            ),
            Presets.Find("swiss-roll")!.Spec,
            "hash",
            1,
            null,
            null,
            null,
            0,
            []
        );
}
