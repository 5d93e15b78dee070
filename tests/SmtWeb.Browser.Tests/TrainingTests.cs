using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>A person trains: a node with a worker, a tiny Swiss roll from the form, pause, resume, samples, end.</summary>
[Trait("Needs", "Libtorch")]
public sealed class TrainingTests(Lab lab) : BrowserTest(lab)
{
    private const int Slow = 120_000;

    [Fact]
    public async Task Run_FromTheForm_TrainsPausesResumesAndEnds()
    {
        // a folder and a database of its own, as ./run.sh makes them; every step costs a click
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"smtweb-training-{Guid.NewGuid():N}"));
        try
        {
            await using var node = await PanelNode.StartAsync("--port", "0", "--data", folder.FullName, "--no-quickstart");
            await using var context = await Lab.Browser.NewContextAsync(new() { BaseURL = node.Address, ViewportSize = new() { Width = 1280, Height = 900 } });
            var page = new PanelPage(context, await context.NewPageAsync());
            await page.Page.GotoAsync(node.Link);
            await page.Page.FillAsync("#password", "correct horse battery");
            await page.Page.FillAsync("#again", "correct horse battery");
            await page.Page.ClickAsync("button[type=submit]");

            await page.GoAsync("/runs");
            await Expect(page.Page.GetByText("No runs yet")).ToBeVisibleAsync();
            await page.ShootAsync("runs-empty");
            await page.Page.GetByRole(AriaRole.Link, new() { Name = "Start the Swiss roll" }).ClickAsync();
            await page.Page.GetByLabel("Warm-up iterations").FillAsync("200");
            await page.Page.GetByLabel("Iterations", new() { Exact = true }).FillAsync("2000000");
            await page.Page.GetByLabel("Evaluate every").FillAsync("400");
            await page.Page.GetByLabel("Metrics every").FillAsync("10");
            await page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue run" }).ClickAsync();
            await page.Page.WaitForURLAsync("**/runs/*/charts");

            var chip = page.Page.Locator("h1 + span");
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
            await page.UntilAsync("+document.querySelector('[data-step]').max >= 1", Slow / 1000);
            var picture = page.Page.Locator(".samples-figure.scatter img");
            await Expect(picture).ToBeVisibleAsync();
            await page.Page.Locator("[data-step]").FocusAsync();
            await page.Page.Keyboard.PressAsync("Home");
            await Expect(page.Page.Locator("[data-step-label]")).Not.ToContainTextAsync("newest");
            await page.ShootAsync("training-samples");

            await page.Page.ClickAsync(".actions button[title=End]");
            await page.Page.GetByRole(AriaRole.Button, new() { Name = "End run" }).ClickAsync();
            await Expect(chip).ToHaveTextAsync(new Regex("Cancelled|Finished"), new() { Timeout = Slow });
            await page.Page.GetByRole(AriaRole.Link, new() { Name = "Checkpoints" }).ClickAsync();
            await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "Save" }).First).ToBeVisibleAsync();
            await page.ShootAsync("training-checkpoints");
            Assert.Empty(page.Errors);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private const string Points = "(document.querySelector('[data-metric=\"loss/warm-up\"], [data-metric=\"loss/score\"]').plot.view.attempts()?.length ?? 0)";

    private static Task<int> PointsAsync(PanelPage page) => page.Page.EvaluateAsync<int>(Points);
}
