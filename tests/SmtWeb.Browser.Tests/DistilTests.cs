using System.Text.RegularExpressions;
using Microsoft.Playwright;
using SmtWeb.Data.Images;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>A person has somebody's snapshot and images of their own: import, register, "Distil", a run that begins.</summary>
[Trait("Needs", "Libtorch")]
public sealed class DistilTests(Lab lab) : BrowserTest(lab)
{
    private const int Side = 8,
        Classes = 3;
    private const int Slow = 120_000;

    [Fact]
    public async Task Distil_ImportedTeacher_FillsTheFormAndTheRunBegins()
    {
        await using var site = await TrainingSite.OpenAsync(Lab);
        var page = site.Page;
        Directory.CreateDirectory(Path.Combine(site.Folder, "weights"));
        File.Copy(
            Path.Combine(Build.RepoRoot, "tests", "golden", "edm_pickle", "network-snapshot.pkl"),
            Path.Combine(site.Folder, "weights", "tiny-edm.pkl")
        );
        WriteImages(Path.Combine(site.Folder, "datasets", "tiny"));

        await page.GoAsync("/datasets");
        await page.Page.GetByLabel("File or folder").FillAsync("tiny");
        await page.Page.GetByLabel("Name", new() { Exact = true }).FillAsync("Tiny pictures");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Register" }).ClickAsync();
        await page.Page.WaitForURLAsync("**/datasets/*");
        await Expect(page.Page.Locator("dl.facts")).ToContainTextAsync("12 of 8×8, RGB", new() { Timeout = Slow });

        await page.GoAsync("/models");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Import" }).ClickAsync();
        var model = page.Page.Locator("tr", new() { Has = page.Page.GetByRole(AriaRole.Link, new() { Name = "Distil" }) });
        await Expect(model).ToContainTextAsync("tiny-edm", new() { Timeout = Slow });
        await Expect(model).ToContainTextAsync("3×8×8");
        await page.ShootAsync("models-imported");

        await model.GetByRole(AriaRole.Link, new() { Name = "Distil" }).ClickAsync();
        await page.Page.WaitForURLAsync("**/runs/new?teacher=tiny-edm");
        await page.LiveAsync();
        await Expect(page.Page.GetByLabel("Name", new() { Exact = true })).ToHaveValueAsync("tiny-edm, distilled");
        await page.LiveAsync();
        await page.OpenSettingsAsync();
        await Expect(page.Page.Locator("#setting-method-teacher")).ToHaveValueAsync("tiny-edm");
        await Expect(page.Page.Locator("#setting-network-modelChannels")).ToHaveValueAsync("16"); // the teacher's network
        var json = page.Page.Locator("pre");
        await Expect(json).ToContainTextAsync("\"kind\": \"smd\"");
        await Expect(json).ToContainTextAsync("\"source\": \"tiny\""); // the data that fit it
        foreach (
            var (label, value) in new[]
            {
                ("Batch size", "4"),
                ("Evaluate every", "50"),
                ("Samples while training", "16"),
                ("Samples at the end", "16"),
                ("Metrics every", "1"),
                ("Checkpoint every", "20"),
                ("Grid columns", "2"),
            }
        )
        {
            await page.Page.GetByLabel(label).FillAsync(value);
        }
        await Expect(page.Page.Locator(".status")).ToContainTextAsync("Every setting is valid");
        await page.ShootAsync("distil-form", full: true);
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Queue run" }).ClickAsync();

        await page.Page.WaitForURLAsync("**/runs/*/charts");
        await Expect(page.Page.Locator("h1")).ToHaveTextAsync("tiny-edm, distilled");
        await Expect(page.Page.Locator("[data-state]")).ToHaveTextAsync("Running", new() { Timeout = Slow });
        await page.Page.WaitForSelectorAsync("[data-metric='loss/generator']", new() { Timeout = Slow });
        await page.ShootAsync("distil-running");
        Assert.Empty(page.Errors);

        // images of one's own: which file the search for copies needs, and where it goes
        await page.GoAsync(Regex.Replace(page.Page.Url, "charts$", "samples"));
        var neighbours = page.Page.GetByRole(AriaRole.Region, new() { Name = "Nearest training images" });
        await Expect(neighbours).ToContainTextAsync(Path.Combine(site.Folder, "metrics"));
        await Expect(neighbours).ToContainTextAsync("pt_inception-2015-12-05-6726825d.pth");
        await Expect(neighbours.GetByRole(AriaRole.Button, new() { Name = "Find neighbours" })).ToHaveCountAsync(0);
        await neighbours.ScrollIntoViewIfNeededAsync();
        await page.AssertFitsAsync();
        await page.ShootAsync("neighbours-missing", full: true);
        Assert.Empty(page.Errors);
    }

    private static void WriteImages(string folder)
    {
        var noise = new Random(1);
        for (var k = 0; k < 12; k++)
        {
            var ofClass = Directory.CreateDirectory(Path.Combine(folder, $"class {k % Classes}")).FullName;
            File.WriteAllBytes(
                Path.Combine(ofClass, $"{k}.png"),
                new Raster(
                    Side,
                    Side,
                    3,
                    [.. Enumerable.Range(0, Side * Side * 3).Select(i => (byte)((i % 3 == k % Classes ? 200 : 40) + noise.Next(20)))]
                ).ToPng()
            );
        }
    }
}
