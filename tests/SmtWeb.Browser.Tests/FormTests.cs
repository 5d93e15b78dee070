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
        await page.Page.GetByLabel("Batch size").FillAsync("0");
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("Batch size");
        await Expect(queue).ToBeDisabledAsync();
        await page.Page.GetByLabel("Generator rate").FillAsync("fast");
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("\"fast\" is none");
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("2 settings");
        await page.ShootAsync("new-run-errors");
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
        await Expect(page.Page.GetByLabel("Hidden width", new() { Exact = true })).ToBeVisibleAsync();
        await page.Page.Locator("section[aria-labelledby=group-network] .rz-dropdown").First.ClickAsync();
        await page.Page.Locator(".rz-dropdown-item:visible", new() { HasText = "DDPM++" }).ClickAsync();
        await Expect(page.Page.GetByLabel("Base channels")).ToBeVisibleAsync();
        await Expect(page.Page.GetByLabel("Hidden width", new() { Exact = true })).ToHaveCountAsync(0);
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
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Move to trash" }).ClickAsync();
        await page.Page.WaitForURLAsync("**/runs");
        Assert.DoesNotContain(await Lab.Store.ListAsync(TestContext.Current.CancellationToken), r => r.Name == "from the form");
        Assert.Empty(page.Errors);
    }
}
