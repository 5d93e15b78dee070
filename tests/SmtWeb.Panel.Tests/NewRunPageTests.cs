using AngleSharp.Dom;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Panel.Start;

namespace SmtWeb.Panel.Tests;

/// <summary>The form of a run.</summary>
public sealed class NewRunPageTests(PostgresFixture postgres) : PanelTest(postgres)
{
    [Fact]
    public async Task Form_Opened_BeginsWithThePresetAndFoldsEverySection()
    {
        var page = await OpenAsync("/runs/new?preset=fashion-mnist-quick");
        var preset = Presets.Find("fashion-mnist-quick")!;
        Assert.Equal(preset.Title, page.Find("#preset").GetAttribute("value"));
        Assert.Contains(preset.Description, page.Find("#preset-hint").TextContent);
        Assert.Equal(
            SpecCatalog.Sections(preset.Spec).Select(s => s.Name),
            page.FindAll("[data-section]").Select(s => s.GetAttribute("data-section"))
        );
        Assert.Empty(page.FindAll("[id^=setting-]"));
        Assert.Empty(page.FindAll(".change"));
        Assert.False(Queue(page).HasAttribute("disabled"));
    }

    [Theory]
    [InlineData("$.optimisation.batchSize", "0")]
    [InlineData("$.optimisation.batchSize", "many")]
    [InlineData("$.optimisation.generatorRate", "fast")]
    public async Task Field_WrongAsOneTypes_SaysSoAndStopsTheQueue(string path, string text)
    {
        var page = await OpenAsync("/runs/new?preset=swiss-roll");
        await OpenAllAsync(page);
        var id = SpecField.IdOf(path);
        await page.Find($"#{id}").InputAsync(text);
        Assert.Equal("true", page.Find($"#{id}").GetAttribute("aria-invalid"));
        var message = page.Find($"#{id}-hint");
        Assert.Equal("alert", message.GetAttribute("role"));
        Assert.NotEmpty(message.TextContent);
        Assert.Equal($"{id}-hint", page.Find($"#{id}").GetAttribute("aria-describedby"));
        Assert.Contains("1 setting needs attention", page.Find(".status").TextContent);
        Assert.True(Queue(page).HasAttribute("disabled"));

        await page.Find($"#{id}").InputAsync(path.EndsWith("Rate", StringComparison.Ordinal) ? "2e-4" : "32");
        Assert.Empty(page.FindAll(".field [role=alert]"));
        Assert.False(Queue(page).HasAttribute("disabled"));
    }

    [Fact]
    public async Task Fold_SettingChanged_ShowsNowAndBefore()
    {
        var page = await OpenAsync("/runs/new?preset=swiss-roll");
        await OpenAllAsync(page);
        await page.Find("#" + SpecField.IdOf("$.optimisation.batchSize")).InputAsync("77");
        await OpenAllAsync(page); // folds
        var change = page.Find("[data-section=optimisation] .change");
        Assert.Equal("Batch size 77 256", string.Join(' ', change.TextContent.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains("\"batchSize\": 77", page.Find("pre").TextContent);
    }

    [Fact]
    public async Task Name_Empty_IsAskedForAndStopsTheQueue()
    {
        var page = await OpenAsync("/runs/new?preset=swiss-roll");
        await page.Find("#run-name").InputAsync("");
        Assert.Contains("Give the run a name", page.Find("#run-name-hint").TextContent);
        Assert.True(Queue(page).HasAttribute("disabled"));
    }

    [Fact]
    public async Task Preset_Chosen_IsTheAddressOfAnotherForm()
    {
        var page = await OpenAsync("/runs/new");
        await page.InvokeAsync(() => page.FindComponent<PresetPicker>().Instance.Changed.InvokeAsync("paper/cifar10-smd"));
        Assert.EndsWith("/runs/new?preset=paper/cifar10-smd", Context.Services.GetRequiredService<NavigationManager>().Uri);
    }

    [Fact]
    public async Task Clone_OfARun_KeepsItsSettingsAndNamesIt()
    {
        await BeginAsync();
        var id = await QueueAsync("the original");
        Visit($"/runs/new?clone={id}");
        var page = Context.Render<NewRunPage>();
        page.WaitForAssertion(() => Assert.Equal("New run like the original", page.Find("h1").TextContent.Trim()));
        Assert.Equal("the original (clone)", page.Find("#run-name").GetAttribute("value"));
    }

    [Fact]
    public async Task Fork_OfACheckpoint_RefusesWhatItsWeightsDoNotFit()
    {
        await BeginAsync();
        var id = await QueueAsync("the original");
        var claim = (
            await Database.Queue.ClaimAsync(Guid.NewGuid(), "test", TimeSpan.FromMinutes(5), Xunit.TestContext.Current.CancellationToken)
        )!;
        await using (
            var checkpoint = new AttemptWriter(Database.Database, id, claim.Attempt).Checkpoint(
                new(1, 16, 0.1, null, "test"),
                TimeSpan.FromMinutes(1)
            )
        )
        {
            checkpoint.Write(new byte[100]);
            await checkpoint.CompleteAsync(Xunit.TestContext.Current.CancellationToken);
        }

        var chosen = (await Store.CheckpointsAsync(id, Xunit.TestContext.Current.CancellationToken))[0].Id;
        Visit($"/runs/new?fork={id}&checkpoint={chosen}");
        var page = Context.Render<NewRunPage>();
        page.WaitForAssertion(() => Assert.Equal("Fork of the original at iteration 1", page.Find("h1").TextContent.Trim()));
        await OpenAllAsync(page);
        await page.Find("#" + SpecField.IdOf("$.network.hiddenWidth")).InputAsync("77");
        Assert.True(Queue(page).HasAttribute("disabled"));
        Assert.Contains("fit no other network", page.Find(".status").TextContent);
        await page.Find("#" + SpecField.IdOf("$.network.hiddenWidth")).InputAsync("16");
        Assert.False(Queue(page).HasAttribute("disabled"));
    }

    private async Task<IRenderedComponent<NewRunPage>> OpenAsync(string address)
    {
        await BeginAsync();
        Visit(address);
        return Context.Render<NewRunPage>();
    }

    private static Task OpenAllAsync(IRenderedComponent<NewRunPage> page) =>
        page.FindAll("button").Single(b => b.TextContent.Trim() is "Open all" or "Fold all").ClickAsync(new());

    private static IElement Queue(IRenderedComponent<NewRunPage> page) =>
        page.FindAll("button").Single(b => b.TextContent.Trim() == "Queue run");
}
