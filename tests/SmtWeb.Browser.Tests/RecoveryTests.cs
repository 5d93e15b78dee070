using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>kill -9 of the server while pages are open.</summary>
public sealed class RecoveryTests(Lab lab) : BrowserTest(lab)
{
    [Fact]
    public async Task Pages_ServerKilledAndRestarted_ComeBackWithAllThatWasOnThem()
    {
        await using var charts = await Lab.OpenAsync();
        await charts.GoAsync($"/runs/{Lab.Seeds.Running}/charts?ema=0.9&log=1");
        await charts.Page.WaitForSelectorAsync(".charts[data-loaded=true] .chart");
        var before = await charts.Page.Locator(".chart").CountAsync();
        await using var form = await Lab.OpenAsync("Member");
        await form.GoAsync("/runs/new?preset=swiss-roll");
        await form.OpenSettingsAsync();
        await form.Page.GetByLabel("Batch size").FillAsync("77");
        await Expect(form.Page.Locator("pre")).ToContainTextAsync("\"batchSize\": 77");
        await form.Page.WaitForFunctionAsync("() => Object.values(sessionStorage).some(kept => kept.includes('77'))"); // the tab has it

        await using var keys = await Lab.OpenAsync("Member", height: 300);
        await keys.GoAsync("/account/keys");
        await keys.Page.Locator("#key-name").PressSequentiallyAsync("half a name");
        await form.Page.EvaluateAsync("scrollTo(0, 400)");

        await Lab.KillNodeAsync();
        await charts.Page.WaitForSelectorAsync("html[data-connection=lost]", new() { Timeout = 30_000 });
        await Expect(charts.Page.Locator(".chart").First).ToBeVisibleAsync(); // what was loaded stays readable
        await charts.ShootAsync("connection-lost");
        await Lab.StartNodeAsync();

        await charts.Page.WaitForSelectorAsync("html[data-connection=live]", new() { Timeout = 60_000 });
        await charts.Page.WaitForSelectorAsync(".charts[data-loaded=true] .chart");
        Assert.Equal(before, await charts.Page.Locator(".chart").CountAsync());
        Assert.Equal("0.9", await charts.Page.Locator("[data-ema]").InputValueAsync());
        await form.Page.WaitForSelectorAsync("html[data-connection=live]", new() { Timeout = 60_000 });
        await Expect(form.Page.GetByLabel("Batch size")).ToHaveValueAsync("77");
        await form.UntilAsync("Math.abs(scrollY - 400) < 2");
        await keys.LiveAsync();
        await Expect(keys.Page.Locator("#key-name")).ToHaveValueAsync("half a name");
    }
}
