using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using SmtWeb.Runs.Attempts;

namespace SmtWeb.Browser.Tests;

/// <summary>Curves: live, complete, smooth.</summary>
public sealed class ChartTests(Lab lab) : BrowserTest(lab)
{
    private const string Scroll = """
        async () => {
            const frames = [];
            scrollTo(0, 0);
            await new Promise(next => setTimeout(next, 500));
            const end = document.documentElement.scrollHeight - innerHeight;
            let last = performance.now();
            for (let y = 0; y < end; y += 12) {
                scrollTo(0, y);
                await new Promise(requestAnimationFrame);
                const now = performance.now();
                frames.push(now - last);
                last = now;
            }
            frames.sort((a, b) => a - b);
            const at = q => frames[Math.floor((frames.length - 1) * q)];
            return { frames: frames.length, p50: at(.5), p95: at(.95), p99: at(.99), max: at(1) };
        }
        """;

    [Fact]
    public async Task Charts_PointIsWritten_ArrivesOnTheOpenPage()
    {
        await using var page = await Lab.OpenAsync();
        await OpenChartsAsync(page, Lab.Seeds.Running);
        var times = new List<TimeSpan>();
        for (var i = 0; i < 10; i++)
        {
            var before = await LengthAsync(page, "loss/score");
            var watch = Stopwatch.StartNew();
            await WriteAsync(1);
            await page.UntilAsync($"document.querySelector('[data-metric=\"loss/score\"]').plot.cell.series()[0].column.length > {before}");
            times.Add(watch.Elapsed);
        }

        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(", ", times.Select(t => $"{t.TotalMilliseconds:0} ms")));
        await page.Page.Locator(".toolbar [data-x=seconds]").ClickAsync();
        Assert.Contains("x=seconds", page.Page.Url);
        await page.ShootAsync("charts-running");
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Charts_NonFiniteValues_AreMarkedAndAttemptsAreBands()
    {
        await using var page = await Lab.OpenAsync();
        await OpenChartsAsync(page, Lab.Seeds.Running);
        await page.Page.Locator("[data-metric='gradient/generator']").ScrollIntoViewIfNeededAsync();
        await page.UntilAsync("document.querySelector('[data-metric=\"gradient/generator\"]').plot.markers.length > 0");
        var attempts = await page.Page.EvaluateAsync<int>(
            "(() => { const p = document.querySelector('[data-metric=\"gradient/generator\"]').plot; return "
                + "p.view.attemptStarts(p.view.attempts()).length })()"
        );
        Assert.Equal(2, attempts);
        await page.ShootAsync("charts-gradients");
    }

    [Fact]
    public async Task Charts_ReplacedPoints_AreHiddenUntilAskedFor()
    {
        const string Replaced = "document.querySelector('[data-metric=\"loss/score\"]').plot.cell.replaced().map(s => s.column.length)";
        await using var page = await Lab.OpenAsync();
        await OpenChartsAsync(page, Lab.Seeds.Running);
        Assert.Empty(await page.Page.EvaluateAsync<int[]>(Replaced));
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Replaced points" }).ClickAsync();
        await page.UntilAsync($"{Replaced}.length === 1");
        Assert.Equal("20", await page.Page.EvaluateAsync<string>(Replaced + ".join()"));
        Assert.Contains("replaced=1", page.Page.Url);
        await page.ShootAsync("charts-replaced");

        // and the address alone brings them back; a run in its first attempt offers nothing
        await OpenChartsAsync(page, Lab.Seeds.Running, "?replaced=1");
        await page.UntilAsync($"{Replaced}.length === 1");
        await OpenChartsAsync(page, Lab.Seeds.Finished);
        await Assertions.Expect(page.Page.GetByRole(AriaRole.Button, new() { Name = "Replaced points" })).ToBeHiddenAsync();
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Charts_TwentyCurvesOfFiftyThousandPoints_AreDrawnWhileScrolling()
    {
        await using var page = await Lab.OpenAsync();
        await OpenChartsAsync(page, Lab.Seeds.Big);
        Assert.Equal(50_000, await LengthAsync(page, "loss/part-00"));
        var passes = new List<JsonElement>();
        for (var pass = 0; pass < 3; pass++)
        {
            passes.Add(await page.Page.EvaluateAsync<JsonElement>(Scroll));
        }

        var report = JsonSerializer.Serialize(passes);
        await File.WriteAllTextAsync(
            Path.Combine(Build.RepoRoot, "artifacts", "scroll-frames.json"),
            report,
            TestContext.Current.CancellationToken
        );
        TestContext.Current.TestOutputHelper!.WriteLine(report);

        // frame times depend on what else the machine does: they are reported, not asserted. Every chart must have been drawn.
        await page.UntilAsync("document.querySelector('[data-metric=\"loss/part-19\"] canvas') !== null");
        await page.ShootAsync("charts-big");
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Charts_HugeValues_AreLabelledInFullAndALonePointIsADot()
    {
        await using var page = await Lab.OpenAsync();
        foreach (var log in new[] { "?log=1", "" })
        {
            await OpenChartsAsync(page, Lab.Seeds.Exploded, log);
            await page.UntilAsync("document.querySelector('[data-metric=\"loss/score\"]').plot.uplot != null");

            // the axis has room for its widest label
            var (room, widest) = await AxisAsync(page, "loss/score");
            Assert.True(room >= widest, $"The labels are {widest} pixels wide, the axis {room} ({log}).");
        }

        Assert.Contains(
            "e22",
            await page.Page.EvaluateAsync<string>(
                "document.querySelector('[data-metric=\"loss/score\"]').plot.uplot.axes[1]._values.join()"
            )
        );

        // one evaluation: no line, and a dot at its place
        var dot = await page.Page.EvaluateAsync<int>(
            """
            (() => {
                const u = document.querySelector('[data-metric="loss/generator"]').plot.uplot, r = devicePixelRatio;
                const at = k => Math.round(u.valToPos(u.data[k].find(v => v != null), k ? "y" : "x", true));
                return u.ctx.getImageData(at(0) + r, at(1) - 2 * r, 1, 1).data[3]; // beside the lines of the grid
            })()
            """
        );
        Assert.Equal(255, dot);
        await page.ShootAsync("charts-exploded");
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Charts_AsTable_SayTheNumbersOfEveryCurve()
    {
        await using var page = await Lab.OpenAsync("Reviewer");
        await OpenChartsAsync(page, Lab.Seeds.Finished);
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "As table" }).ClickAsync();
        var table = page.Page.GetByRole(AriaRole.Region, new() { Name = "Losses: Score as a table", Exact = true });
        await Assertions.Expect(table).ToContainTextAsync("640 points, last ");
        await Assertions.Expect(table.Locator("tbody tr")).ToHaveCountAsync(40);
        await Assertions.Expect(table.Locator("tbody tr").First.GetByRole(AriaRole.Rowheader)).ToHaveTextAsync("50");
        await Assertions.Expect(table.Locator("tbody tr").Last.GetByRole(AriaRole.Rowheader)).ToHaveTextAsync("32,000");
        Assert.Contains("table=1", page.Page.Url);
        await page.ShootAsync("charts-table");

        // what is not finite has rows of its own, and what is written later comes by itself
        await OpenChartsAsync(page, Lab.Seeds.Running, "?table=1");
        await Assertions
            .Expect(page.Page.GetByRole(AriaRole.Region, new() { Name = "Gradient norms: Score as a table", Exact = true }))
            .ToContainTextAsync("∞");
        var running = page.Page.Locator("[data-metric='loss/score'] .chart-summary");
        var before = await running.InnerTextAsync();
        await WriteAsync(1);
        await Assertions.Expect(running).Not.ToHaveTextAsync(before);
        Assert.Empty(page.Errors);
    }

    private static async Task<(double Room, double Widest)> AxisAsync(PanelPage page, string metric)
    {
        var sizes = await page.Page.EvaluateAsync<double[]>(
            $$"""
            (() => {
                const u = document.querySelector('[data-metric="{{metric}}"]').plot.uplot, axis = u.axes[1];
                u.ctx.save();
                u.ctx.font = axis.font[0];
                const widest = Math.max(...axis._values.map(v => u.ctx.measureText(v).width)) / devicePixelRatio;
                u.ctx.restore();
                return [axis._size - axis.ticks.size - axis.gap, widest];
            })()
            """
        );
        return (sizes[0], sizes[1]);
    }

    private async Task WriteAsync(int steps)
    {
        var next = Lab.Seeds.NextBatch++;
        var noise = new Random((int)next);
        var points = Enumerable.Range(0, steps).SelectMany(i => Seeds.Points(4000 + 10 * (next * 10 + i), noise)).ToList();
        await Lab.Seeds.Writer.WriteAsync(new JournalBatch(next, points, [], [], []), TestContext.Current.CancellationToken);
    }

    private static async Task OpenChartsAsync(PanelPage page, long run, string query = "")
    {
        await page.GoAsync(string.Create(CultureInfo.InvariantCulture, $"/runs/{run}/charts{query}"));
        await page.Page.WaitForSelectorAsync(".charts[data-loaded=true] .chart", new() { Timeout = 60_000 });
    }

    private static Task<int> LengthAsync(PanelPage page, string metric) =>
        page.Page.EvaluateAsync<int>($"document.querySelector('[data-metric=\"{metric}\"]').plot.cell.series()[0].column.length");
}
