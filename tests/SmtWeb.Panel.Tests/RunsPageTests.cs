using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Tests;
using SmtWeb.Web.Panel.Runs;

namespace SmtWeb.Panel.Tests;

/// <summary>The list of runs.</summary>
public sealed class RunsPageTests(PostgresFixture postgres) : PanelTest(postgres)
{
    [Fact]
    public async Task List_Empty_OffersTheSwissRollToWhoMayStartIt()
    {
        await BeginAsync();
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Contains("No runs yet", page.Markup));
        Assert.Contains(page.FindAll("a"), a => a.GetAttribute("href") == "/runs/new?preset=swiss-roll");
    }

    [Fact]
    public async Task List_MoreThanAPage_IsPagedAndSaysWhereOneIs()
    {
        await BeginAsync();
        await FillAsync(120);
        Visit("/runs?page=3&sort=-created");
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Equal(20, page.FindAll("tbody tr").Count));
        Assert.Equal("run 101", Names(page)[0]);
        Assert.Contains("101 to 120 of 120", page.Find(".pager").TextContent);
    }

    [Fact]
    public async Task List_PageBeyondTheLast_GoesToTheLast()
    {
        await BeginAsync();
        await FillAsync(60);
        Visit("/runs?page=9");
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Equal(10, page.FindAll("tbody tr").Count));
        Assert.EndsWith("page=2", Context.Services.GetRequiredService<NavigationManager>().Uri);
    }

    [Fact]
    public async Task Filter_State_CountsAllAndShowsThose()
    {
        await BeginAsync();
        await FillAsync(6);
        await Database.SqlAsync("UPDATE runs SET state = 'Failed', state_reason = 'too hot' WHERE id <= 2");
        Visit("/runs?state=ended");
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Equal(2, page.FindAll("tbody tr").Count));
        Assert.Contains("too hot", page.Find("tbody").TextContent);
        Assert.Equal(
            ["All 6", "Active 0", "Queued 4", "Paused 0", "Finished 0", "Failed or ended 2"],
            page.FindAll(".filters a").Select(a => a.TextContent.Trim())
        );
        Assert.Equal("Failed or ended 2", page.Find(".filters [aria-current=true]").TextContent.Trim());
    }

    [Fact]
    public async Task List_NotFiniteOrExploded_IsMarked()
    {
        await BeginAsync();
        await FillAsync(3);
        await Database.SqlAsync("UPDATE runs SET state = 'Failed', first_bad_iteration = 1234 WHERE id = 1");
        await Database.SqlAsync("UPDATE runs SET distance_metric = 'sw2', best_distance = 0.5, distance = 5000 WHERE id = 2");
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Equal("not finite from iteration 1,234 on", page.Find("[data-trouble]").TextContent));
        Assert.Equal("10,000 times the best", Assert.Single(page.FindAll("[data-exploded]")).TextContent);
    }

    [Fact]
    public async Task Search_Typed_IsInTheAddressAndFindsThem()
    {
        await BeginAsync();
        await FillAsync(12);
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Equal(12, page.FindAll("tbody tr").Count));
        await page.Find("#run-search").InputAsync("run 11");
        page.WaitForAssertion(() => Assert.Equal(["run 11"], Names(page)));
        Assert.Contains("q=run%2011", Context.Services.GetRequiredService<NavigationManager>().Uri);
    }

    [Fact]
    public async Task Heading_OfTheOrder_TurnsItRound()
    {
        await BeginAsync();
        await FillAsync(2);
        Visit("/runs?sort=name");
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() => Assert.Equal(["run 2", "run 1"], Names(page)));
        Assert.Equal(
            "/runs?sort=-name",
            new Uri(new Uri("http://localhost"), page.Find("th [aria-current=true]").GetAttribute("href")!).PathAndQuery
        );
    }

    [Fact]
    public async Task List_Owners_AreAColumnThatOrdersAndOthersRunsAreOnlyCloned()
    {
        await BeginAsync();
        await FillAsync(3);
        await Database.SqlAsync(
            $"UPDATE runs SET owner_id = '{PersonId}' WHERE id = 2; UPDATE runs SET owner_id = 'of ada', created_by = 'ada' WHERE id = 3"
        );
        Visit("/runs?sort=-owner");
        var page = Context.Render<RunsPage>();
        page.WaitForAssertion(() =>
            Assert.Equal(["the lab", "ada", "tester"], page.FindAll("td.c-owner").Select(c => c.TextContent.Trim()))
        );
        Assert.Equal(
            [true, true, false],
            page.FindAll("tbody tr").Select(row => row.QuerySelector(".actions button")!.HasAttribute("disabled"))
        );
        Assert.Equal(3, page.FindAll("tbody .actions a").Count);
    }

    private Task<int> FillAsync(int runs) =>
        Database.SqlAsync(
            $"""
            INSERT INTO runs (name, preset, method, data, spec, spec_hash, state, request, created, created_by, total_iterations, iteration,
                priority, attempt, fruitless_attempts, skipped_steps, seconds, checkpoints_kept)
            SELECT 'run ' || i, 'swiss-roll', 'smt', 'swissRoll', '{SpecJson}', 'h', 'Queued', 'None', now(), 'tester', 10, 0, 0, 0, 0, 0,
                0, 1 FROM generate_series(1, {runs}) i
            """
        );

    private static string SpecJson => Smt.Specs.SpecJson.Write(Smt.Specs.Presets.Find("swiss-roll")!.Spec).Replace("'", "''");

    private static List<string> Names(IRenderedComponent<RunsPage> page) =>
        [.. page.FindAll("tbody .run-name").Select(n => n.TextContent.Trim())];
}
