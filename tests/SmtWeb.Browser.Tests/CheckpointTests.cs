using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>The table of a run's checkpoints.</summary>
public sealed class CheckpointTests(Lab lab) : BrowserTest(lab)
{
    [Fact]
    public async Task Checkpoints_SortedByDistance_HaveThoseWithoutOneLast()
    {
        await using var page = await Lab.OpenAsync("Reviewer");
        var checkpoints = new CheckpointsPage(page);
        await checkpoints.OpenAsync(Lab.Seeds.Exploded);
        Assert.Equal(
            ["400", "300 best", "200", "100"],
            (await checkpoints.ColumnAsync("Iteration")).Select(t => t.ReplaceLineEndings(" "))
        );
        await checkpoints.SortAsync("Distance");
        await Expect(checkpoints.Rows.First).ToContainTextAsync("97");
        Assert.Equal(["97", "312", "4.46e+6", "–"], await checkpoints.ColumnAsync("Distance"));
        await checkpoints.SortAsync("Distance");
        await Expect(checkpoints.Rows.First).ToContainTextAsync("4.46e+6");
        Assert.Equal(["4.46e+6", "312", "97", "–"], await checkpoints.ColumnAsync("Distance"));
        await page.ShootAsync("checkpoints-sorted");
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Evaluate_DialogLeft_GivesTheFocusBackAndQueuesNothing()
    {
        await using var page = await Lab.OpenAsync("Member");
        var checkpoints = new CheckpointsPage(page);
        await checkpoints.OpenAsync(Lab.Seeds.Exploded);
        var button = checkpoints.Best.GetByRole(AriaRole.Button, new() { Name = "Evaluate…" });
        await button.FocusAsync();
        await page.Page.Keyboard.PressAsync("Enter");
        var dialog = page.Page.GetByRole(AriaRole.Dialog);
        await Expect(dialog.GetByRole(AriaRole.Button, new() { Name = "edm-50k" })).ToBeVisibleAsync();
        await page.ShootAsync("evaluate-dialog");
        await page.Page.Keyboard.PressAsync("Escape");
        await Expect(dialog).ToHaveCountAsync(0);
        await Expect(button).ToBeFocusedAsync();
        await Expect(checkpoints.Evaluations).ToHaveCountAsync(0);
        Assert.Empty(page.Errors);
    }
}
