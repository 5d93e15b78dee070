using System.Text.RegularExpressions;
using Microsoft.Playwright;
using SmtWeb.Smt.Specs;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>A person trains: a node with a worker, a tiny Swiss roll from the form, pause, resume, samples, end.</summary>
[Trait("Needs", "Libtorch")]
public sealed class TrainingTests(Lab lab) : BrowserTest(lab)
{
    private const int Slow = 120_000;

    [Fact]
    public async Task Garments_TinyModel_IsDrawnMeasuredAndComparedWithItsData()
    {
        Assert.SkipUnless(
            Directory.Exists("/usr/share/datasets/fashion-mnist"),
            "Fashion-MNIST is missing (Debian: apt-get install dataset-fashion-mnist)."
        );
        await using var site = await TrainingSite.OpenAsync(Lab);
        var page = site.Page;
        var quick = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        var spec = SpecJson.Write(quick with { Method = (SmtSpec)quick.Method with { GeneratorSteps = 2 } });
        var run = await page.Page.EvaluateAsync<long>(
            """
            async spec => {
                const response = await fetch("/api/v1/runs", { method: "POST", headers: { "Content-Type": "application/json" }, body: `{"name":"tiny garments","spec":${spec}}` });
                if (!response.ok) throw new Error(await response.text());
                return (await response.json()).id;
            }
            """,
            spec
        );
        await page.GoAsync($"/runs/{run}/samples");
        await Expect(page.Page.Locator("[data-state]")).ToHaveTextAsync("Finished", new() { Timeout = Slow });
        await Expect(page.Page.Locator(".samples-labels span").First).ToHaveTextAsync("0 · T-shirt/top");
        await page.ShootAsync("training-garments");

        await page.GoAsync($"/gallery/{run}?class=3&seed=0-15");
        await Expect(page.Page.Locator(".tile")).ToHaveCountAsync(16, new() { Timeout = Slow });
        var first = await page.Page.Locator(".tile img").First.GetAttributeAsync("src");
        await page.ShootAsync("gallery-drawn");
        await page.GoAsync($"/gallery/{run}?class=3&seed=18446744073709551614-18446744073709551615");
        await Expect(page.Page.Locator(".tile span").Last).ToHaveTextAsync("18446744073709551615", new() { Timeout = Slow });
        await page.GoAsync($"/gallery/{run}?class=3&seed=0");
        await Expect(page.Page.Locator(".tile")).ToHaveCountAsync(1, new() { Timeout = Slow });
        Assert.Equal(first, await page.Page.Locator(".tile img").First.GetAttributeAsync("src")); // whatever else is drawn with it
        var steps = page.Page.GetByRole(AriaRole.Navigation, new() { Name = "Steps per image" }).GetByRole(AriaRole.Link);
        await Expect(steps).ToHaveTextAsync(["1", "2"]);
        await steps.Nth(1).ClickAsync();
        await page.UntilAsync($"document.querySelector('.tile img')?.getAttribute('src') !== '{first}'", Slow / 1000);
        Assert.Contains("steps=2", page.Page.Url);
        await page.ShootAsync("gallery-steps");
        await page.GoAsync($"/gallery/{run}?seed=9-3");
        await Expect(page.Page.Locator("#seeds-hint")).ToContainTextAsync("ends before it begins");
        await EvaluateAsync(page, run);
        await FindNeighboursAsync(page, run);
        Assert.Empty(page.Errors);
        await page.GoAsync($"/gallery/{run}?seed=0&steps=4"); // refused with 400, which the browser counts as an error
        await Expect(page.Page.Locator("[data-status]")).ToContainTextAsync("at most 2 steps", new() { Timeout = Slow });
    }

    // "Evaluate…" on a checkpoint: its numbers join its row, and a curve at its iteration
    private static async Task EvaluateAsync(PanelPage page, long run)
    {
        var checkpoints = new CheckpointsPage(page);
        await checkpoints.OpenAsync(run);
        await Expect(checkpoints.Rows).ToHaveCountAsync(2);
        await page.AssertFitsAsync();
        await page.ShootAsync("checkpoints-of-a-run");
        var best = checkpoints.Best;
        var iteration = long.Parse(await best.Locator("td:first-child strong").InnerTextAsync());
        var distance = await best.Locator("td").Nth(1).InnerTextAsync();
        var dialog = await checkpoints.AskAsync(best);
        var choice = dialog.GetByRole(AriaRole.Button, new() { Name = "quick" });
        await Expect(choice).ToBeInViewportAsync(); // not cut off by the table
        await page.ShootAsync("evaluate-menu");
        await choice.ClickAsync();
        await Expect(dialog).ToHaveCountAsync(0);
        var job = checkpoints.Evaluations;
        await Expect(job).ToHaveCountAsync(1);
        await Expect(job).ToContainTextAsync("Done", new() { Timeout = Slow });

        // every metric of this one checkpoint; a number asked for by hand ranks nothing
        var row = checkpoints.BestCard;
        await Expect(row.Locator("h2")).ToContainTextAsync($"iteration {iteration}");
        Assert.Equal(
            ["FID", "KID", "Precision", "Recall", "Inception score"],
            await row.Locator(".measured", new() { HasText = "quick" }).Locator("dt").AllInnerTextsAsync()
        );
        await Expect(row.Locator(".measured h3").First).ToContainTextAsync("5,000 samples from seed 0");
        Assert.Equal(distance, await best.Locator("td").Nth(1).InnerTextAsync());
        await page.ShootAsync("best-row", full: true);

        await page.GoAsync($"/runs/{run}/charts");
        await page.Page.WaitForSelectorAsync("[data-metric='distance/fid-quick']");
        var points = await page.Page.EvaluateAsync<double[]>(
            "[...document.querySelector(\"[data-metric='distance/fid-quick']\").plot.cell.series()[0].column.iteration]"
        );
        Assert.Equal([iteration], points);
        await page.ShootAsync("evaluate-curve");
    }

    private static async Task FindNeighboursAsync(PanelPage page, long run)
    {
        await page.GoAsync($"/runs/{run}/samples");
        var panel = page.Page.GetByRole(AriaRole.Region, new() { Name = "Nearest training images" });
        await page.ChooseAsync(panel.GetByLabel("Class"), "1 · Trouser");
        await panel.GetByLabel("Seed").FillAsync("5");
        await panel.GetByRole(AriaRole.Button, new() { Name = "Find neighbours" }).ClickAsync();
        await Expect(panel.Locator("figure")).ToHaveCountAsync(7, new() { Timeout = Slow }); // the sample and six others
        var distances = (await panel.Locator("figure strong.num").AllInnerTextsAsync())
            .Select(t => double.Parse(t, System.Globalization.CultureInfo.InvariantCulture))
            .ToList();
        Assert.Equal(distances.Order(), distances);
        await Expect(panel.Locator("figure").First).ToContainTextAsync("seed 5");
        await Expect(panel.Locator(".hint").Last).ToContainTextAsync("nearest other real image");
        Assert.All(
            await panel.Locator("figure img").EvaluateAllAsync<int[]>("images => images.map(i => i.naturalWidth)"),
            w => Assert.Equal(32, w)
        );
        await panel.ScrollIntoViewIfNeededAsync();
        await page.ShootAsync("neighbours", full: true);
    }

    [Fact]
    public async Task Run_FromTheForm_TrainsPausesResumesAndEnds()
    {
        await using var site = await TrainingSite.OpenAsync(Lab);
        var page = site.Page;
        await page.GoAsync("/runs");
        await Expect(page.Page.GetByText("No runs yet")).ToBeVisibleAsync();
        await page.ShootAsync("runs-empty");
        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Start the Swiss roll" }).ClickAsync();
        await page.LiveAsync();
        await page.OpenSettingsAsync();
        await page.Page.GetByLabel("Warm-up iterations").FillAsync("200");
        await page.Page.GetByLabel("Iterations", new() { Exact = true }).FillAsync("2000000");
        await page.Page.GetByLabel("Evaluate every").FillAsync("400");
        await page.Page.GetByLabel("Metrics every").FillAsync("10");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue run" }).ClickAsync();
        await page.Page.WaitForURLAsync("**/runs/*/charts");

        var chip = page.Page.Locator("[data-state]");
        await Expect(chip).ToHaveTextAsync("Running", new() { Timeout = Slow });
        await page.Page.WaitForSelectorAsync("[data-metric^='loss/']", new() { Timeout = Slow });
        var first = await PointsAsync(page);
        await page.UntilAsync($"{Points} > {first}", Slow / 1000);
        await page.ShootAsync("training-charts");

        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        await Expect(chip).ToHaveTextAsync("Paused", new() { Timeout = Slow });
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
        await Expect(chip).ToHaveTextAsync("Running", new() { Timeout = Slow });
        var resumed = await PointsAsync(page);
        await page.UntilAsync($"{Points} > {resumed}", Slow / 1000);

        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Samples" }).ClickAsync();
        await page.UntilAsync("+document.querySelector('[data-step]')?.max >= 1", Slow / 1000);
        var picture = page.Page.Locator(".samples-figure.scatter img");
        await Expect(picture).ToBeVisibleAsync();
        await page.Page.Locator("[data-step]").FocusAsync();
        await page.Page.Keyboard.PressAsync("Home");
        await Expect(page.Page.Locator("[data-step-label]")).Not.ToContainTextAsync("newest");
        await page.ShootAsync("training-samples");

        await page.Page.GetByRole(AriaRole.Button, new() { NameRegex = new Regex("^Cancel ") }).ClickAsync();
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Cancel run" }).ClickAsync();
        await Expect(chip).ToHaveTextAsync(new Regex("Cancelled|Finished"), new() { Timeout = Slow });
        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Checkpoints" }).ClickAsync();
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "Save", Exact = true }).First).ToBeVisibleAsync();
        await page.ShootAsync("training-checkpoints");
        Assert.Empty(page.Errors);
    }

    private const string Points =
        "(document.querySelector('[data-metric=\"loss/warm-up\"], [data-metric=\"loss/score\"]').plot.view.attempts()?.length ?? 0)";

    private static Task<int> PointsAsync(PanelPage page) => page.Page.EvaluateAsync<int>(Points);
}
