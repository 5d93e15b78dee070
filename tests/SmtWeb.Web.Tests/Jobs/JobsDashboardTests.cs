using System.Net;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Tests.Jobs;

/// <summary>The page of jobs: Hangfire's, for administrators, to look at only, and it leads to the run and back.</summary>
public sealed class JobsDashboardTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Job_OfARun_SaysWhatItDoesAndLeadsToItsLog()
    {
        var run = await Site.Runs.CreateAsync(
            new NewRun("Fashion <b>quick</b>", Presets.Find("swiss-roll")!.Spec, "swiss-roll", -1000, "test"),
            Ct
        );
        var job = (await Site.Runs.FindAsync(run, Ct))!.JobId!.Value;
        using var admin = await Site.ProgramAsync(LabRoles.Admin);

        using var answer = await admin.GetAsync($"/jobs/jobs/details/{job}", Ct);
        var page = await answer.Content.ReadAsStringAsync(Ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains($"Run {run}: Fashion &lt;b&gt;quick&lt;/b&gt;", page);
        Assert.DoesNotContain("<b>quick</b>", page);
        Assert.Contains($"<a href=\"/runs/{run}/log\">", page);
        Assert.Contains("default-src 'none'; script-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.DoesNotContain("<script>", page); // its scripts are files, as the policy wants

        Assert.Contains($"Run {run}:", await admin.GetStringAsync("/jobs/jobs/enqueued/gpu?count=500", Ct));
        Assert.Contains(">gpu</a>", await admin.GetStringAsync("/jobs/jobs/enqueued", Ct));
        Assert.Contains($"/jobs/jobs/details/{job}", await admin.GetStringAsync($"/runs/{run}/log", Ct));
    }

    [Theory]
    [InlineData("/jobs/jobs/enqueued/delete")]
    [InlineData("/jobs/jobs/actions/requeue/1")]
    [InlineData("/jobs/recurring/trigger")]
    public async Task Commands_AreRefused(string command)
    {
        using var admin = await Site.ProgramAsync(LabRoles.Admin);
        using var answer = await admin.PostAsync(command, new FormUrlEncodedContent([new("jobs[]", "1")]), Ct);
        Assert.InRange((int)answer.StatusCode, 400, 499);
    }

    [Fact]
    public async Task Others_StayOutside()
    {
        foreach (var role in new[] { LabRoles.Member, LabRoles.Reviewer })
        {
            using var program = await Site.ProgramAsync(role);
            Assert.Equal(HttpStatusCode.Forbidden, (await program.GetAsync("/jobs", Ct)).StatusCode);
        }

        using var stranger = Site.Browser();
        Assert.Equal(HttpStatusCode.Redirect, (await stranger.GetAsync("/jobs", Ct)).StatusCode);
    }
}
