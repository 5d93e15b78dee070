using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Specs;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>kill -9 of the server while pages are open and a worker trains.</summary>
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

    [Fact]
    public async Task WebProcess_Killed_TrainingAndTheQueueGoOnAndThePageComesBack()
    {
        var ct = TestContext.Current.CancellationToken;
        var folder = Path.Combine(Path.GetTempPath(), $"smtweb-web-killed-{Guid.NewGuid():N}");
        await using (
            var postgres = await EmbeddedPostgres.StartAsync(
                Path.Combine(folder, "postgres"),
                NullLogger.Instance,
                TestContext.Current.CancellationToken
            )
        )
        {
            await using var services = new ServiceCollection().AddLogging().AddSmtWebRuns(postgres.ConnectionString).BuildServiceProvider();
            await services.GetRequiredService<RunsDatabase>().MigrateAsync(ct);
            var store = services.GetRequiredService<IRunStore>();
            string[] web =
            [
                "--role",
                "web",
                "--data",
                Path.Combine(folder, "web"),
                "--connection",
                postgres.ConnectionString,
                "--no-quickstart",
            ];
            await using var worker = await PanelNode.StartAsync(
                "--role",
                "worker",
                "--port",
                "0",
                "--data",
                Path.Combine(folder, "worker"),
                "--connection",
                postgres.ConnectionString,
                "--no-quickstart"
            );
            var first = await PanelNode.StartAsync([.. web, "--port", "0"]);
            var address = new Uri(first.Address);
            await using var page = await TrainingSite.SignInAsync(Lab, first);
            var trained = await store.CreateAsync(Roll("trained all the while", 6_000), ct);
            var next = await store.CreateAsync(Roll("next in the queue", 50), ct);
            await page.GoAsync($"/runs/{trained}/charts");
            await Expect(page.Page.Locator("[data-state]")).ToHaveTextAsync("Running", new() { Timeout = 60_000 });

            var seen = (await store.FindAsync(trained, ct))!;
            await first.KillAsync();
            await page.Page.WaitForSelectorAsync("html[data-connection=lost]", new() { Timeout = 30_000 });
            await UntilAsync(
                async () => (await store.FindAsync(trained, ct))!.Summary is { State: RunState.Finished },
                "the run to end without its panel"
            );
            await UntilAsync(
                async () => (await store.FindAsync(next, ct))!.Summary is { State: RunState.Finished },
                "the queue to go on without its panel"
            );
            Assert.True(seen.Summary.Iteration < 6_000, "The run had ended before the kill.");
            Assert.Single((await store.FindAsync(trained, ct))!.Attempts);

            await using var second = await PanelNode.StartAsync([.. web, "--port", $"{address.Port}"]);
            await page.Page.WaitForSelectorAsync("html[data-connection=live]", new() { Timeout = 60_000 });
            await Expect(page.Page.Locator("[data-state]")).ToHaveTextAsync("Finished");
            await page.Page.WaitForSelectorAsync(".charts[data-loaded=true] .chart");
            await page.ShootAsync("web-killed");
            await first.DisposeAsync();
        }

        Directory.Delete(folder, recursive: true);
    }

    private static NewRun Roll(string name, int iterations)
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        return new(
            name,
            spec with
            {
                Optimisation = spec.Optimisation with { Iterations = iterations, RampIterations = 0 },
                Evaluation = spec.Evaluation with { EveryIterations = 2_000, CheckpointEvery = 1_000, MetricsEvery = 50 },
            },
            "swiss-roll",
            0,
            "test"
        );
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (var begin = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(200))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromMinutes(3), $"waited in vain for {what}");
        }
    }
}
