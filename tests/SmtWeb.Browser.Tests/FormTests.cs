using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>New runs from the form.</summary>
public sealed class FormTests(Lab lab) : BrowserTest(lab)
{
    [Fact]
    public async Task Form_WrongValues_AreNamedAsOneTypes()
    {
        await using var page = await Lab.OpenAsync();
        await page.GoAsync("/runs/new?preset=swiss-roll");
        var queue = page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue run" });
        await Expect(queue).ToBeEnabledAsync();
        await Expect(queue).ToBeInViewportAsync();
        await page.OpenSettingsAsync();
        await page.Page.GetByLabel("Batch size").FillAsync("0");
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("Batch size");
        await Expect(queue).ToBeDisabledAsync();
        await page.Page.GetByLabel("Generator rate").FillAsync("fast");
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("\"fast\" is none");
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("2 settings");
        await page.ShootAsync("new-run-errors");

        // what is wrong is a way to its field, unfolded or not
        await page.FoldSettingsAsync();
        await Expect(page.Page.GetByLabel("Batch size")).ToHaveCountAsync(0);
        await Expect(page.Page.Locator("[data-section=optimisation]")).ToContainTextAsync("2 settings need attention");
        await page.Page.Locator(".status").GetByRole(AriaRole.Link, new() { Name = "Batch size" }).ClickAsync();
        await Expect(page.Page.GetByLabel("Batch size")).ToBeFocusedAsync();
        await page.Page.GetByLabel("Batch size").FillAsync("32");
        await page.Page.GetByLabel("Generator rate").FillAsync("2e-4");
        await Expect(queue).ToBeEnabledAsync();
        await Expect(page.Page.Locator("pre")).ToContainTextAsync("\"batchSize\": 32");
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Form_KindChosen_ShowsTheSettingsOfThatKind()
    {
        await using var page = await Lab.OpenAsync();
        await page.GoAsync("/runs/new?preset=swiss-roll");
        await page.OpenSettingsAsync();
        await Expect(page.Page.GetByLabel("Hidden width", new() { Exact = true })).ToBeVisibleAsync();
        await page.ChooseAsync("#setting-network-kind", "DDPM++");
        await Expect(page.Page.GetByLabel("Base channels")).ToBeVisibleAsync();
        await Expect(page.Page.GetByLabel("Hidden width", new() { Exact = true })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Form_NarrowScreen_HasTheQueueButtonInReachAllTheWay()
    {
        await using var page = await Lab.OpenAsync(width: 390, height: 844);
        await page.GoAsync("/runs/new?preset=fashion-mnist-quick");
        await page.OpenSettingsAsync();
        var queue = page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue run" });
        foreach (var place in new[] { 0, 2000, 100_000 })
        {
            await page.Page.EvaluateAsync($"scrollTo(0, {place})");
            await Expect(queue).ToBeInViewportAsync(new() { Ratio = 1 });
        }

        await page.ShootAsync("new-run-open-390", full: true);
    }

    [Fact]
    public async Task Form_PresetPicked_BeginsWithIt()
    {
        await using var page = await Lab.OpenAsync();
        await page.GoAsync("/runs/new");
        await page.ChooseAsync("#preset", "Paper: CIFAR-10, distillation");
        await page.Page.WaitForURLAsync(new Regex("preset=paper(%2F|/)cifar10-smd$"));
        await Expect(page.Page.Locator("#preset-hint")).ToContainTextAsync("FID 2.22");
        await Expect(page.Page.Locator("pre")).ToContainTextAsync("\"smd\"");
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Form_Queued_ShowsTheRunAndWhyItWaits()
    {
        await using var page = await Lab.OpenAsync("Member");
        await page.GoAsync($"/runs/new?clone={Lab.Seeds.Finished}");
        await page.Page.GetByLabel("Name", new() { Exact = true }).FillAsync("from the form");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue run" }).ClickAsync();
        await page.Page.WaitForURLAsync("**/runs/*/charts");
        await Expect(page.Page.Locator("h1")).ToHaveTextAsync("from the form");
        await Expect(page.Page.Locator(".waiting")).ToContainTextAsync("no worker is alive");

        // and it ends again by the button, after being asked
        var delete = page.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" });
        await delete.ClickAsync();
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Keep it" }).ClickAsync();
        await Expect(delete).ToBeFocusedAsync(); // where it came from
        await delete.ClickAsync();
        await page.ShootAsync("delete-dialog");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Move to trash" }).ClickAsync();
        await page.Page.WaitForURLAsync("**/runs");
        Assert.DoesNotContain(await Lab.Store.ListAsync(TestContext.Current.CancellationToken), r => r.Name == "from the form");

        // one click takes it back; the trash keeps it as well
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Undo" }).ClickAsync();
        await Expect(page.Page.Locator("tbody")).ToContainTextAsync("from the form");
        var run = (await Lab.Store.ListAsync(TestContext.Current.CancellationToken)).Single(r => r.Name == "from the form");
        await Lab.Store.DeleteAsync(run.Id, "seed", TestContext.Current.CancellationToken);
        await page.GoAsync("/runs/trash");
        var row = page.Page.Locator("tbody tr").Filter(new() { HasText = "from the form" });
        await page.ShootAsync("trash");
        await row.GetByRole(AriaRole.Button, new() { Name = "Delete for good" }).ClickAsync();
        await page.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete for good" }).ClickAsync();
        await Expect(row).ToHaveCountAsync(0);
        Assert.Empty(page.Errors);
    }
}
