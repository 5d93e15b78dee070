using System.Diagnostics;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace SmtWeb.Browser.Tests;

/// <summary>A page of the panel. Errors of scripts and violations of the content security policy are kept, to be asserted.</summary>
internal sealed class PanelPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    internal PanelPage(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.Console += (_, message) =>
        {
            // a lost connection is reported by the browser itself, and some tests lose it on purpose
            if (
                message.Type == "error"
                && !message.Text.Contains("ERR_CONNECTION")
                && !message.Text.Contains("WebSocket")
                && !message.Text.Contains("disconnected")
                && !message.Text.Contains("403")
            )
            {
                Errors.Add(message.Text);
            }
        };
        page.PageError += (_, error) => Errors.Add(error);
    }

    internal IPage Page { get; }

    internal List<string> Errors { get; } = [];

    /// <summary>Opens an address and waits until the page is live.</summary>
    internal async Task GoAsync(string url)
    {
        await Page.GotoAsync(url);
        await LiveAsync();
    }

    /// <summary>Waits until the server answers to what is clicked.</summary>
    internal Task LiveAsync() => Page.WaitForSelectorAsync("html[data-connection=live]", new() { Timeout = 30_000 });

    /// <summary>Unfolds every group of settings of a new run.</summary>
    internal Task OpenSettingsAsync() => Page.GetByRole(AriaRole.Button, new() { Name = "Open all" }).ClickAsync();

    /// <summary>Folds them.</summary>
    internal Task FoldSettingsAsync() => Page.GetByRole(AriaRole.Button, new() { Name = "Fold all" }).ClickAsync();

    /// <summary>Takes a choice out of a list that opens.</summary>
    internal Task ChooseAsync(string field, string choice) => ChooseAsync(Page.Locator(field), choice);

    /// <summary>Takes a choice out of a list that opens.</summary>
    internal async Task ChooseAsync(ILocator field, string choice)
    {
        await field.ClickAsync();
        await Page.GetByRole(AriaRole.Option).Filter(new() { HasText = choice }).First.ClickAsync();
        await Assertions.Expect(Page.GetByRole(AriaRole.Option)).ToHaveCountAsync(0);
    }

    /// <summary>
    /// Waits until a condition holds. Playwright's own waiting compiles text inside the page, which the page's content
    /// security policy rightly refuses.
    /// </summary>
    internal async Task UntilAsync(string condition, double seconds = 30)
    {
        var watch = Stopwatch.StartNew();
        while (!await Page.EvaluateAsync<bool>(condition))
        {
            Assert.True(watch.Elapsed.TotalSeconds < seconds, $"After {seconds} s this does not hold yet: {condition}");
            await Task.Delay(10);
        }
    }

    /// <summary>Says yes in the dialog that asks.</summary>
    internal async Task AgreeAsync(string yes)
    {
        await Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = yes, Exact = true }).ClickAsync();
        await Assertions.Expect(Page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
    }

    /// <summary>Keeps a picture of the page for people to look at.</summary>
    internal Task ShootAsync(string name, bool full = false) =>
        Page.ScreenshotAsync(new() { Path = Path.Combine(Build.RepoRoot, "artifacts", "screenshots", name + ".png"), FullPage = full });

    /// <summary>The page is no wider than the window: nothing is cut off or scrolls sideways.</summary>
    internal async Task AssertFitsAsync()
    {
        var (content, window) = (
            await Page.EvaluateAsync<int>("document.documentElement.scrollWidth"),
            await Page.EvaluateAsync<int>("document.documentElement.clientWidth")
        );
        Assert.True(content <= window, $"{Page.Url} is {content} pixels wide in a window of {window}.");
    }

    /// <summary>What shuts people out of the page, as axe sees it: its serious and critical violations.</summary>
    internal async Task<IReadOnlyList<string>> BarriersAsync(string name)
    {
        var result = await Page.RunAxe(new AxeRunOptions { ResultTypes = [ResultType.Violations] });
        return
        [
            .. result
                .Violations.Where(v => v.Impact is "serious" or "critical")
                .SelectMany(v =>
                    v.Nodes.Take(5).Select(n => $"{name}: {v.Id} at {n.Target}: {n.Any.Concat(n.All).FirstOrDefault()?.Message ?? v.Help}")
                ),
        ];
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
