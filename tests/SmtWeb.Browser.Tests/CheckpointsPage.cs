using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>The tab of a run's checkpoints.</summary>
internal sealed class CheckpointsPage(PanelPage page)
{
    internal Task OpenAsync(long run) => page.GoAsync($"/runs/{run}/checkpoints");

    /// <summary>One row a checkpoint.</summary>
    internal ILocator Rows => page.Page.Locator("[data-checkpoints] tbody tr");

    internal ILocator Best => Rows.Filter(new() { HasText = "best" });

    /// <summary>The card with all numbers of the best one.</summary>
    internal ILocator BestCard => page.Page.GetByRole(AriaRole.Region, new() { Name = "Best checkpoint" });

    internal ILocator Evaluations =>
        page.Page.GetByRole(AriaRole.Region, new() { Name = "Evaluations of checkpoints" }).Locator("tbody tr");

    /// <summary>What stands in a column, from top to bottom.</summary>
    internal async Task<IReadOnlyList<string>> ColumnAsync(string title) =>
        await Rows.Locator($"td[data-label='{title}']").AllInnerTextsAsync();

    internal Task SortAsync(string title) =>
        page.Page.GetByRole(AriaRole.Columnheader, new() { Name = title }).GetByText(title, new() { Exact = true }).ClickAsync();

    /// <summary>Opens the choice of protocols of a row.</summary>
    internal async Task<ILocator> AskAsync(ILocator row)
    {
        await row.GetByRole(AriaRole.Button, new() { Name = "Evaluate…" }).ClickAsync();
        var dialog = page.Page.GetByRole(AriaRole.Dialog);
        await Expect(dialog).ToBeVisibleAsync();
        return dialog;
    }
}
