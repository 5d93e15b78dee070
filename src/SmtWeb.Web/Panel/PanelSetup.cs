using System.Buffers.Binary;
using MudBlazor;
using MudBlazor.Services;
using SmtWeb.Runs;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Layout;
using SmtWeb.Web.Panel.Models;
using SmtWeb.Web.Panel.Run;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel;

/// <summary>What the panel's pages need beside themselves.</summary>
internal static class PanelSetup
{
    private const int PointsPerFrame = 50_000;

    internal static void AddPanel(this IServiceCollection services)
    {
        services.AddMudServices();
        services.AddScoped<PanelNotices>().AddScoped<PanelQuestions>();
        services.AddScoped<RunCommands>().AddScoped<Datasets.DatasetCommands>();
        services.AddSingleton<WeightsFolder>();
    }

    /// <summary>An address that no page has gets the panel's own page about it, with status 404. Routing must come after this.</summary>
    internal static void UseNotFoundPage(this IApplicationBuilder app) =>
        app.UseWhen(
            http =>
                HttpMethods.IsGet(http.Request.Method) && !Refusals.IsForPrograms(http.Request) && !Path.HasExtension(http.Request.Path),
            pages => pages.UseStatusCodePagesWithReExecute("/not-found")
        );

    internal static void MapPanel(this IEndpointRouteBuilder app)
    {
        app.MapTheme();
        app.MapGet("/panel/runs/{id:long}/curves", WriteCurvesAsync).RequireAuthorization(Policies.Read).ExcludeFromDescription();
    }

    /// <summary>
    /// Streams the curves in frames, each led by its length, padded to 8 bytes; a page draws the first while the next
    /// are read. It is a request rather than a message of the live connection, which a long history would block.
    /// <paramref name="superseded"/>: in place of the curves the points that later attempts replaced.
    /// </summary>
    private static async Task WriteCurvesAsync(
        HttpContext http,
        IRunStore store,
        long id,
        long after,
        CancellationToken ct,
        bool superseded = false
    )
    {
        if (await store.FindAsync(id, ct) is null)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        http.Response.ContentType = "application/octet-stream";
        http.Response.Headers.CacheControl = "no-store";
        var prefix = new byte[2 * sizeof(uint)];
        while (true)
        {
            var page = await store.MetricsAsync(id, after, PointsPerFrame, superseded, ct);
            var points = superseded ? [.. page.Points.Where(p => p.Superseded)] : page.Points;
            if (points.Count > 0)
            {
                var frame = CurveFrame.Write(points);
                BinaryPrimitives.WriteUInt32LittleEndian(prefix, (uint)frame.Length);
                await http.Response.Body.WriteAsync(prefix, ct);
                await http.Response.Body.WriteAsync(frame, ct);
            }

            if (page.Points.Count < PointsPerFrame || page.LastSequence <= after)
            {
                return;
            }

            after = page.LastSequence;
        }
    }
}
