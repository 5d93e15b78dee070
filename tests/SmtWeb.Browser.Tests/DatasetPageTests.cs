using Microsoft.Playwright;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>Data sets as people see them: a thousand classes stay findable, and a run is made from one with a click.</summary>
public sealed class DatasetPageTests(Lab lab) : BrowserTest(lab)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dataset_OfAThousandClasses_IsSearchedAndChosen()
    {
        var id = await Lab.Datasets.RegisterAsync(new("ImageNet 64", "imagenet64-lmdb", "", false, 0, "tester"), Ct);
        var work = await Lab.WorkItems.ClaimAsync([Runs.Queue.JobQueues.Datasets], "test", TimeSpan.FromMinutes(5), ct: Ct);
        var check = await Lab.DatasetChecks.BeginAsync(work!, Ct);
        var samples = new Raster(640, 640, 3, [.. Enumerable.Range(0, 640 * 640 * 3).Select(i => (byte)(i / 7))]).ToPng();
        var report = new DatasetReport(
            "imagenet64",
            "imagenet64-lmdb",
            new string('c', 64),
            15_000_000_000,
            1_281_167,
            64,
            3,
            1000,
            ImageNetClasses.Names,
            [.. Enumerable.Repeat(1281, 1000)],
            0,
            [],
            10,
            [.. Enumerable.Range(0, 100).Select(k => k * 10)]
        );
        Assert.True(await Lab.DatasetChecks.CompleteAsync(check!, report, samples, Ct));

        await using var page = await Lab.OpenAsync();
        await page.GoAsync("/datasets");
        await Expect(page.Page.GetByText("1,281,167 images of 64×64")).ToBeVisibleAsync();
        await page.ShootAsync("datasets-1280-light");
        await page.AssertFitsAsync();

        await page.GoAsync($"/datasets/{id}");
        var search = page.Page.GetByRole(AriaRole.Searchbox, new() { Name = "Search classes" });
        await search.FillAsync("n02099601");
        await Expect(page.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await Expect(page.Page.Locator("tbody tr")).ToContainTextAsync("golden retriever");
        await search.FillAsync("207");
        await Expect(page.Page.Locator("tbody tr").First).ToContainTextAsync("golden retriever");
        await page.ShootAsync("dataset-1280-light");
        await page.AssertFitsAsync();

        await page.Page.GetByRole(AriaRole.Link, new() { Name = "New run on these data" }).ClickAsync();
        await page.LiveAsync();
        await Expect(page.Page.Locator("pre")).ToContainTextAsync("\"source\": \"imagenet64-lmdb\"");
        Assert.Empty(page.Errors);
        await Lab.Datasets.DeleteAsync(id, Ct);
    }

    [Fact]
    public async Task Reviewer_LooksButRegistersNothing()
    {
        await using var page = await Lab.OpenAsync("Reviewer");
        await page.GoAsync("/datasets");
        await Expect(page.Page.Locator("h1")).ToHaveTextAsync("Data sets");
        await Expect(page.Page.GetByRole(AriaRole.Button, new() { Name = "Register" })).ToHaveCountAsync(0);
    }
}
