using System.Data.Common;
using System.Net.Sockets;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Web.Hosting;

/// <summary>What /health tells anyone: whether this node can do its work, and no more.</summary>
internal sealed record HealthReport(string Status, string Role, string Database, string Worker);

/// <summary>The health of this node.</summary>
internal static class Health
{
    private const string Well = "ok";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    internal static void MapHealth(this IEndpointRouteBuilder app) =>
        app.MapGet("/health", ReportAsync)
            .AllowAnonymous()
            .WithTags("Health")
            .WithName("Health")
            .WithSummary("200 where this node can do its work, else 503.")
            .Produces<HealthReport>()
            .Produces<HealthReport>(503);

    private static async Task<IResult> ReportAsync(
        WorkerRegistry registry,
        ServeOptions options,
        HttpResponse response,
        CancellationToken ct
    )
    {
        var (database, workers) = await AskDatabaseAsync(registry, ct);
        var worker =
            !database ? "unknown"
            : workers > 0 ? Well
            : "none";

        // a node of role web does its work without a worker: runs wait, pages answer
        var well = database && (workers > 0 || options.Role == NodeRole.Web);
        var report = new HealthReport(
            well ? Well : "unavailable",
            options.Role.ToString().ToLowerInvariant(),
            database ? Well : "unreachable",
            worker
        );
        response.Headers.CacheControl = "no-store";
        return TypedResults.Json(report, statusCode: well ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<(bool Reachable, long LiveWorkers)> AskDatabaseAsync(WorkerRegistry registry, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Patience);
        try
        {
            return (true, await registry.CountAliveAsync(limit.Token));
        }
        catch (Exception e)
            when (e is DbException or SocketException or TimeoutException
                || (e is OperationCanceledException && !ct.IsCancellationRequested)
            )
        {
            return (false, 0);
        }
    }
}
