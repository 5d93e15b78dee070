using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>Every page in both themes, wide and narrow: it loads, is live, fits, and breaks no security policy.</summary>
public sealed class PageTests(Lab lab) : BrowserTest(lab)
{
    private (string Name, string Url)[] Pages =>
        [
            ("runs", "/runs"),
            ("new-run", "/runs/new?preset=fashion-mnist-quick"),
            ("charts", $"/runs/{Lab.Seeds.Running}/charts?ema=0.8"),
            ("samples", $"/runs/{Lab.Seeds.Running}/samples"),
            ("scatter", $"/runs/{Lab.Seeds.Finished}/samples"),
            ("checkpoints", $"/runs/{Lab.Seeds.Running}/checkpoints"),
            ("config", $"/runs/{Lab.Seeds.Running}/config"),
            ("class", $"/runs/{Lab.Seeds.ImageNet}/samples?class=207"),
            ("unlike", $"/compare?runs={Lab.Seeds.Running},{Lab.Seeds.Unlike}"),
            ("log", $"/runs/{Lab.Seeds.Failed}/log"),
            ("compare", $"/compare?runs={Lab.Seeds.Running},{Lab.Seeds.Failed}"),
            ("queued", $"/runs/{Lab.Seeds.Queued}"),
            ("gallery", "/gallery"),
            ("sweeps", "/sweeps"),
            ("datasets", "/datasets"),
            ("models", "/models"),
            ("users", "/admin/users"),
            ("audit", "/admin/audit"),
            ("trash", "/runs/trash"),
            ("keys", "/account/keys"),
        ];

    [Theory]
    [InlineData(1280)]
    [InlineData(390)]
    public async Task Pages_WidthInBothThemes_FitReportNoErrorsAndShutNobodyOut(int width)
    {
        await using var page = await Lab.OpenAsync(width: width, height: width < 500 ? 844 : 900);
        var wrong = new List<string>();
        foreach (var (name, url) in Pages)
        {
            await page.GoAsync(url);
            await Expect(page.Page.Locator("h1").First).ToBeVisibleAsync();
            await Expect(page.Page.Locator(".mud-skeleton")).ToHaveCountAsync(0);
            foreach (var theme in new[] { ColorScheme.Light, ColorScheme.Dark })
            {
                await page.Page.EmulateMediaAsync(new() { ColorScheme = theme });
                await page.Page.WaitForTimeoutAsync(250); // pictures decode, curves draw, colours fade over
                var shot = $"{name}-{width}-{theme.ToString().ToLowerInvariant()}";
                await page.ShootAsync(shot);
                await page.AssertFitsAsync();
                wrong.AddRange(await page.BarriersAsync(shot));
            }
        }

        Assert.Empty(page.Errors);
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task SignIn_WidthAndTheme_FitsAndSaysWhatWasWrong()
    {
        foreach (var (width, dark) in new[] { (1280, false), (1280, true), (390, false), (390, true) })
        {
            await using var page = await Lab.OpenAsStrangerAsync(width, dark);
            await page.Page.GotoAsync("/sign-in");
            Assert.Equal(dark ? "dark" : "light", await page.Page.GetAttributeAsync("html", "data-theme"));
            await page.Page.FillAsync("#name", "nobody");
            await page.Page.FillAsync("#password", "a wrong password");
            await page.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
            await Expect(page.Page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
            await page.ShootAsync($"sign-in-{width}-{(dark ? "dark" : "light")}");
            await page.AssertFitsAsync();
            Assert.Empty(await page.BarriersAsync("sign-in"));
            Assert.DoesNotContain(page.Errors, e => !e.Contains("401")); // the browser reports the refusal itself
        }
    }

    [Fact]
    public async Task Theme_Chosen_StaysAfterLoadingAgain()
    {
        await using var page = await Lab.OpenAsync(dark: true);
        await page.GoAsync("/runs");
        Assert.Equal("dark", await page.Page.GetAttributeAsync("html", "data-theme"));
        await page.Page.ClickAsync("[data-toggle-theme]");
        await page.Page.ReloadAsync();
        Assert.Equal("light", await page.Page.GetAttributeAsync("html", "data-theme"));
    }

    [Fact]
    public async Task Drawer_NarrowScreen_OpensAndClosesWithTheKeyboard()
    {
        await using var page = await Lab.OpenAsync(width: 390, height: 844);
        await page.GoAsync("/runs");
        var link = page.Page.GetByRole(AriaRole.Link, new() { Name = "Gallery" });
        await Expect(link).ToBeHiddenAsync();
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Menu" }).ClickAsync();
        await Expect(link).ToBeVisibleAsync();
        await page.ShootAsync("drawer-390-light");
        await link.FocusAsync();
        await page.Page.Keyboard.PressAsync("Escape");
        await Expect(link).ToBeHiddenAsync();
    }

    [Fact]
    public async Task Times_AreThoseOfTheBrowser_WithUtcInTheTooltip()
    {
        await using var page = await Lab.OpenAsync(zone: "Asia/Tokyo");
        await page.GoAsync("/runs");
        await page.GoAsync($"/runs/{Lab.Seeds.Running}/config"); // the first page told the zone
        await Expect(page.Page.GetByText("Times in Asia/Tokyo, UTC+9")).ToBeVisibleAsync();
        var time = page.Page.Locator("tbody time").First;
        var at = DateTimeOffset.Parse((await time.GetAttributeAsync("datetime"))!, System.Globalization.CultureInfo.InvariantCulture);
        await Expect(time)
            .ToHaveTextAsync(
                at.ToOffset(TimeSpan.FromHours(9)).ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture)
            );
        Assert.Equal(
            at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", System.Globalization.CultureInfo.InvariantCulture),
            await time.GetAttributeAsync("title")
        );
    }

    [Fact]
    public async Task FirstPage_Opened_IsSmallAndSoonInteractive()
    {
        await using var page = await Lab.OpenAsync();
        await page.GoAsync("/runs"); // the server has compiled what it needs
        await using var first = await Lab.OpenAsync();
        var session = await first.Page.Context.NewCDPSessionAsync(first.Page);
        long bytes = 0;
        session.Event("Network.loadingFinished").OnEvent += (_, e) => bytes += (long)e!.Value.GetProperty("encodedDataLength").GetDouble();
        await session.SendAsync("Network.enable");
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await first.GoAsync("/runs");
        var interactive = watch.Elapsed;
        TestContext.Current.TestOutputHelper!.WriteLine($"{bytes / 1000.0:0} kB, interactive after {interactive.TotalMilliseconds:0} ms");

        // times depend on what else the machine does and are reported; out of a build folder files go uncompressed, so the bound is wide
        Assert.InRange(bytes, 1, Build.Published is null ? 2_000_000 : 900_000);
    }

    [Fact]
    public async Task Name_LongOrHidden_PushesNoButtonOutOfView()
    {
        var id = await Lab.Store.CreateAsync(
            new(
                string.Concat(Enumerable.Repeat("Unbreakable", 18)),
                SmtWeb.Smt.Specs.Presets.Find("swiss-roll")!.Spec,
                "swiss-roll",
                -5,
                "seed"
            ),
            TestContext.Current.CancellationToken
        );
        foreach (var width in new[] { 1280, 390 })
        {
            await using var page = await Lab.OpenAsync(width: width, height: 844);
            await page.GoAsync("/runs?q=unbreakable");
            await page.AssertFitsAsync();
            await Expect(page.Page.Locator("tbody").GetByRole(AriaRole.Button, new() { Name = "Pause" }))
                .ToBeInViewportAsync(new() { Ratio = 1 });
            await page.GoAsync($"/runs/{id}/config");
            await page.AssertFitsAsync();
            await Expect(page.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" })).ToBeInViewportAsync(new() { Ratio = 1 });
            await page.ShootAsync($"long-name-{width}");
        }

        await Lab.Store.DeleteAsync(id, "seed", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Runs_FilterAndSearch_AreInTheUrl()
    {
        await using var page = await Lab.OpenAsync();
        await page.GoAsync("/runs");
        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Finished" }).ClickAsync();
        await Expect(page.Page.Locator("tbody tr")).ToHaveCountAsync(3);
        Assert.Contains("state=finished", page.Page.Url);
        await page.GoAsync("/runs?q=rate+too+high");
        await Expect(page.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await Expect(page.Page.Locator("tbody tr").First).ToContainTextAsync("Failed");
        await page.Page.FillAsync("#run-search", "no such run");
        await Expect(page.Page.GetByText("No run matches")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Samples_SliderMoved_ShowsThatStepAtWholeZoom()
    {
        await using var page = await Lab.OpenAsync();
        await page.GoAsync($"/runs/{Lab.Seeds.Running}/samples");
        var image = page.Page.Locator(".samples-figure.samples img");
        await Expect(image).ToHaveAttributeAsync("alt", new System.Text.RegularExpressions.Regex("iteration 4000$"));
        await page.Page.Locator("body").PressAsync("ArrowLeft");
        await Expect(image).ToHaveAttributeAsync("alt", new System.Text.RegularExpressions.Regex("iteration 3500$"));
        Assert.Contains("step=3500", page.Page.Url);
        await page.Page.Locator("[data-step]").FocusAsync();
        await page.Page.Keyboard.PressAsync("Home");
        await Expect(image).ToHaveAttributeAsync("alt", new System.Text.RegularExpressions.Regex("iteration 500$"));
        var zoom = await image.EvaluateAsync<double>("i => i.getBoundingClientRect().width / i.naturalWidth");
        Assert.Equal(Math.Round(zoom), zoom, 3);
        Assert.Equal("pixelated", await image.EvaluateAsync<string>("i => getComputedStyle(i).imageRendering"));
        Assert.Empty(page.Errors);
    }
}
