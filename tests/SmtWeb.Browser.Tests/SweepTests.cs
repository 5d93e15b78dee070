using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using SmtWeb.Smt.Specs;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>The paper's figures of several runs: queued from the page, filled in as they train, laid over each other.</summary>
[Trait("Needs", "Libtorch")]
public sealed class SweepTests(Lab lab) : BrowserTest(lab)
{
    private const int Slow = 120_000;

    [Fact]
    public async Task Sweep_Fig5MadeTiny_FillsInLiveAndItsRunsCompare()
    {
        await using var site = await TrainingSite.OpenAsync(Lab);
        var page = site.Page;
        await page.GoAsync("/sweeps");
        await Expect(page.Page.Locator("tbody tr")).ToHaveCountAsync(7);
        await Expect(page.Page.GetByText("not trained yet")).ToHaveCountAsync(7);

        // queued elsewhere, by REST: the open page follows
        var teacher = await QueueTinyAsync(page, "fig5/teacher", null);
        await Expect(Row(page, "Diffusion teacher")).ToContainTextAsync("Finished", new() { Timeout = Slow });
        foreach (var preset in Sweeps.Fig5.Presets.Where(p => p != "fig5/teacher"))
        {
            await QueueTinyAsync(page, preset, teacher);
        }
        await Expect(page.Page.Locator("tbody tr", new() { HasText = "Finished" })).ToHaveCountAsync(7, new() { Timeout = Slow });
        await Expect(page.Page.Locator("figure img.plot")).ToHaveCountAsync(7);
        await Expect(Row(page, "SMD").Locator("td").Last).ToHaveTextAsync(new Regex(@"^\d+\.\d\d %$"));
        await page.Page.WaitForTimeoutAsync(300);
        await page.ShootAsync("sweep-1280", full: true);
        await page.AssertFitsAsync();
        await page.Page.SetViewportSizeAsync(390, 844);
        await page.Page.WaitForTimeoutAsync(200);
        await page.ShootAsync("sweep-390", full: true);
        await page.AssertFitsAsync();
        await page.Page.SetViewportSizeAsync(1280, 900);

        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Compare these runs" }).ClickAsync();
        await page.LiveAsync();
        await Expect(page.Page.Locator(".picked")).ToHaveCountAsync(7);
        await page.Page.WaitForSelectorAsync("[data-metric='distance/sw2']", new() { Timeout = Slow });
        // a curve without evaluation records is drawn from its points
        await page.UntilAsync("/0\\.\\d/.test(document.querySelector(\"[data-metric='distance/off-roll'] .chart-value\")?.textContent)");
        await page.ShootAsync("sweep-compare", full: true);
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Sweep_QueuedFromThePage_TeachesBeforeItDistils()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var page = await Lab.OpenAsync(); // a node that trains nothing: what is queued stays
        await page.GoAsync("/sweeps?sweep=fig1b");
        await Expect(page.Page.Locator("tbody tr")).ToHaveCountAsync(4);
        await Expect(page.Page.GetByText("Queue them for minutes")).ToHaveCountAsync(0);
        await page.GoAsync("/sweeps?sweep=fig5");
        await Expect(page.Page.GetByLabel("Queue them for minutes")).ToBeCheckedAsync();
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue this sweep" }).ClickAsync();
        await Expect(page.Page.Locator("tbody tr", new() { HasText = "Queued" })).ToHaveCountAsync(7);
        await page.ShootAsync("sweep-queued", full: true);

        var runs = (await Lab.Store.ListAsync(ct))
            .Where(r => r.Preset?.StartsWith("fig5/", StringComparison.Ordinal) == true)
            .ToDictionary(r => r.Preset!);
        try
        {
            Assert.Equal(Sweeps.Fig5.Presets.Order(), runs.Keys.Order());
            var teacher = runs["fig5/teacher"];
            Assert.All(runs.Values, r => Assert.True(r.Id == teacher.Id || r.Priority < teacher.Priority));
            await page.GoAsync($"/runs/{runs["fig5/smd"].Id}/charts");
            await Expect(page.Page.GetByText($"it waits for its teacher, run {teacher.Id}")).ToBeVisibleAsync();
            var spec = (await Lab.Store.FindAsync(runs["fig5/smd"].Id, ct))!.Spec;
            Assert.Equal($"{teacher.Id}", ((SmdSpec)spec.Method).Teacher);
            Assert.Equal(Sweeps.IterationsInMinutes, spec.Optimisation.Iterations);
            Assert.Empty(page.Errors);
        }
        finally
        {
            foreach (var run in runs.Values)
            {
                await Lab.Store.CancelAsync(run.Id, "test", ct);
                await Lab.Store.DeleteAsync(run.Id, "test", ct);
            }
        }
    }

    private static ILocator Row(PanelPage page, string title) =>
        page.Page.Locator("tbody tr").Filter(new() { Has = page.Page.GetByRole(AriaRole.Rowheader, new() { Name = title, Exact = true }) });

    private static async Task<long> QueueTinyAsync(PanelPage page, string preset, long? teacher)
    {
        var spec = Presets.Find(preset)!.Spec.ForQuickTest();
        spec = spec.Method is SmdSpec smd ? spec with { Method = smd with { Teacher = $"{teacher}" } } : spec;
        return await page.Page.EvaluateAsync<long>(
            """
            async body => {
                const response = await fetch("/api/v1/runs", { method: "POST", headers: { "Content-Type": "application/json" }, body });
                if (!response.ok) throw new Error(await response.text());
                return (await response.json()).id;
            }
            """,
            new JsonObject { ["preset"] = preset, ["spec"] = JsonNode.Parse(SpecJson.Write(spec)) }.ToJsonString()
        );
    }
}
