using System.Globalization;
using Hangfire;
using Hangfire.Common;
using Hangfire.Dashboard;
using SmtWeb.Runs.Queue;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Jobs;

/// <summary>
/// The page of jobs: Hangfire's own dashboard, for administrators, to look at only. What it would let one do by hand (requeue,
/// delete) goes past the runs, which are the truth; people pause, resume and stop runs on their pages.
/// </summary>
internal static class JobsDashboard
{
    /// <summary>Where it is.</summary>
    internal const string Path = "/jobs";

    private const int Renderer = 10;

    // Its scripts are files of this site as well; its charts place things by style attributes.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    // Hangfire keeps its renderers for the whole process.
    private static readonly Lazy<IGlobalConfiguration> Rendering = new(() =>
        GlobalConfiguration.Configuration.UseJobDetailsRenderer(Renderer, LinkToRun)
    );

    /// <summary>The page of a job.</summary>
    internal static string Of(long jobId) => string.Create(CultureInfo.InvariantCulture, $"{Path}/jobs/details/{jobId}");

    internal static void MapJobs(this IEndpointRouteBuilder app)
    {
        _ = Rendering.Value;
        var options = new DashboardOptions
        {
            AppPath = "/runs",
            DashboardTitle = "SmtWeb jobs",
            IsReadOnlyFunc = _ => true,
            Authorization = [], // the endpoint's own policy decides
            DisplayStorageConnectionString = false,
        };
        var pipeline = app.CreateApplicationBuilder()
            .UsePathBase(Path)
            .UseMiddleware<AspNetCoreDashboardMiddleware>(
                app.ServiceProvider.GetRequiredService<JobStorage>(),
                options,
                DashboardRoutes.Routes,
                true
            )
            .Build();
        app.Map(Path + "/{**path}", pipeline)
            .RequireAuthorization(Policies.Administer)
            .WithMetadata(new OwnContentSecurityPolicy(ContentSecurityPolicy))
            .ExcludeFromDescription();
    }

    private static NonEscapedString LinkToRun(JobDetailsRendererDto page) =>
        new(
            RunOf(page.JobDetails.Job) is { } run
                ? string.Create(CultureInfo.InvariantCulture, $"<p><a href=\"/runs/{run}/log\">The log of run {run}</a></p>")
                : ""
        );

    private static long? RunOf(Job? job) =>
        job is { Args: [long id, ..] } && (job.Type == typeof(ITrainingJobs) || job.Type == typeof(INeighbourJobs)) ? id : null;
}
