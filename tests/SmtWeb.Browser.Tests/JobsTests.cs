using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>Hangfire's dashboard at /jobs: for administrators, under its own security policy, and linked with the runs' logs.</summary>
public sealed class JobsTests(Lab lab) : BrowserTest(lab)
{
    [Fact]
    public async Task Jobs_Administrator_SeesThemUnderThePolicyAndGoesToTheRunAndBack()
    {
        var run = Lab.Seeds.Queued;
        var job = (await Lab.Store.FindAsync(run, TestContext.Current.CancellationToken))!.JobId!.Value;
        await using var page = await Lab.OpenAsync();
        foreach (
            var (name, url) in new[]
            {
                ("jobs", "/jobs"),
                ("jobs-enqueued", "/jobs/jobs/enqueued/gpu"),
                ("jobs-recurring", "/jobs/recurring"),
                ("jobs-servers", "/jobs/servers"),
            }
        )
        {
            var answer = await page.Page.GotoAsync(url);
            Assert.Equal(200, answer!.Status);
            Assert.Contains("script-src 'self'", answer.Headers["content-security-policy"]);
            await page.Page.WaitForTimeoutAsync(300); // its scripts draw, and report what the policy refuses
            await page.ShootAsync(name);
        }

        // looked at only: nothing offers to delete or requeue
        await page.Page.GotoAsync("/jobs/jobs/enqueued/gpu");
        await Expect(page.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("Delete|Requeue|Enqueue") })).ToHaveCountAsync(0);

        await page.GoAsync($"/runs/{run}/log");
        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Job", Exact = true }).ClickAsync();
        await page.Page.WaitForURLAsync($"**/jobs/jobs/details/{job}");
        await Expect(page.Page.GetByText($"Run {run}: garments, waiting its turn").First).ToBeVisibleAsync();
        await page.ShootAsync("jobs-of-a-run");
        await page.Page.GetByRole(AriaRole.Link, new() { Name = $"The log of run {run}" }).ClickAsync();
        await page.LiveAsync();
        Assert.EndsWith($"/runs/{run}/log", page.Page.Url);
        Assert.Empty(page.Errors);
    }

    [Theory]
    [InlineData("Member")]
    [InlineData("Reviewer")]
    public async Task Jobs_Others_AreRefusedAndShownNoWayThere(string role)
    {
        await using var page = await Lab.OpenAsync(role);
        Assert.Equal(403, (await page.Page.GotoAsync("/jobs"))!.Status);
        await page.GoAsync($"/runs/{Lab.Seeds.Queued}/log");
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "Job", Exact = true })).ToHaveCountAsync(0);
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "Jobs" })).ToHaveCountAsync(0);
    }
}
