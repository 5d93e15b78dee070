using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>One of a thousand classes is found by name, WordNet id or number, in the gallery and on a run's samples.</summary>
[Trait("Needs", "Libtorch")]
public sealed class ClassTests(Lab lab) : BrowserTest(lab)
{
    private const int Slow = 60_000;

    [Fact]
    public async Task Gallery_AThousandClasses_AreSearchedByNameIdAndNumber()
    {
        await using var page = await Lab.OpenAsync("Reviewer");
        await page.GoAsync($"/gallery/{Lab.Seeds.ImageNet}?seed=0-7");
        var input = page.Page.GetByRole(AriaRole.Combobox, new() { Name = "Class" });
        var options = page.Page.GetByRole(AriaRole.Option);
        await input.ClickAsync();
        await Expect(page.Page.GetByText("950 more")).ToBeVisibleAsync();
        await input.PressSequentiallyAsync("golden ret"); // as one types: no letter may be lost
        await Expect(options).ToHaveCountAsync(1);
        await Expect(input).ToHaveValueAsync("golden ret");
        await page.ShootAsync("class-picker");
        await input.PressAsync("Enter");
        await Expect(input).ToHaveValueAsync("207 · golden retriever · n02099601");
        await page.Page.WaitForURLAsync("**class=207**");
        await Expect(page.Page.Locator(".tile")).ToHaveCountAsync(8, new() { Timeout = Slow });
        await Expect(page.Page.Locator(".tile img").First).ToHaveAttributeAsync("alt", "Sample of seed 0, 207 · golden retriever");
        await page.ShootAsync("class-gallery");

        await input.FillAsync("n01440764");
        await Expect(options).ToHaveCountAsync(1);
        await options.ClickAsync();
        await page.UntilAsync("location.search.includes('class=0')", 5);
        await input.FillAsync("7"); // the number itself comes before numbers that contain it
        await Expect(options.First).ToContainTextAsync("cock");
        await input.PressAsync("ArrowDown");
        await input.PressAsync("ArrowUp");
        await input.PressAsync("Enter");
        await page.Page.WaitForURLAsync("**class=7**");
        await input.FillAsync("no such animal");
        await Expect(page.Page.GetByText("No class has this name")).ToBeVisibleAsync();
        await input.PressAsync("Escape");
        await Expect(page.Page.GetByRole(AriaRole.Listbox)).ToHaveCountAsync(0);
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Clear" }).ClickAsync();
        await page.UntilAsync("!location.search.includes('class=')");
        await Expect(page.Page.Locator(".tile-class")).ToHaveCountAsync(8, new() { Timeout = Slow });
        await Expect(page.Page.Locator(".tile-class").Nth(2)).ToHaveTextAsync("2 · great white shark");
        await page.GoAsync($"/gallery/{Lab.Seeds.ImageNet}?seed=1002-1003"); // in whatever range: the same class
        await Expect(page.Page.Locator(".tile-class"))
            .ToHaveTextAsync(["2 · great white shark", "3 · tiger shark"], new() { Timeout = Slow });
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Samples_AThousandClasses_ShowTheOneChosen()
    {
        await using var page = await Lab.OpenAsync("Reviewer", width: 390, height: 844);
        await page.GoAsync($"/runs/{Lab.Seeds.ImageNet}/samples");
        var input = page.Page.GetByRole(AriaRole.Combobox, new() { Name = "Class", Exact = true });
        await input.FillAsync("tench");
        await page.Page.GetByRole(AriaRole.Listbox).GetByRole(AriaRole.Option).First.ClickAsync();
        await Expect(page.Page.Locator(".tile")).ToHaveCountAsync(32, new() { Timeout = Slow });
        await Expect(page.Page.Locator(".tile img").First).ToHaveAttributeAsync("alt", "Sample of seed 0, 0 · tench");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Class after this" }).ClickAsync();
        await Expect(page.Page.Locator(".tile img").First)
            .ToHaveAttributeAsync("alt", "Sample of seed 0, 1 · goldfish", new() { Timeout = Slow });
        Assert.Contains("class=1", page.Page.Url);
        await page.AssertFitsAsync();
        await page.ShootAsync("class-samples-390", full: true);

        // ten classes fit into the grid: no picker
        await page.GoAsync($"/runs/{Lab.Seeds.Running}/samples");
        // that of the neighbours
        await Expect(page.Page.GetByRole(AriaRole.Combobox, new() { Name = "Class", Exact = true })).ToHaveCountAsync(1);
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Compare_RunsMeasuredUnlike_WarnsWithWhatDiffers()
    {
        await using var page = await Lab.OpenAsync("Reviewer");
        await page.GoAsync($"/compare?runs={Lab.Seeds.Running},{Lab.Seeds.Unlike}");
        var warning = page.Page.GetByRole(AriaRole.Note);
        await Expect(warning).ToContainTextAsync("do not rank them");
        await Expect(warning).ToContainTextAsync("images: 5,000 and 10,000");
        await Expect(warning).ToContainTextAsync("reference: a3f1c2d4e5b6 and bbbbbbbbbbbb");
        await page.GoAsync($"/compare?runs={Lab.Seeds.Running}");
        await Expect(page.Page.Locator("[data-metric='distance/fid']")).ToBeVisibleAsync();
        await Expect(page.Page.GetByRole(AriaRole.Note)).ToHaveCountAsync(0);
        Assert.Empty(page.Errors);
    }
}
