using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Attempts;

/// <summary>
/// The best distance of a run is that of a checkpoint which can be drawn from: of those that are whole, the smallest that was
/// measured on one (NaN is greater than everything to PostgreSQL). An evaluation of weights that nobody kept is a point of the curve and
/// nothing more.
/// </summary>
internal static class BestDistance
{
    /// <summary>Part of the transaction that adds, measures, damages or removes a checkpoint.</summary>
    public static Task UpdateAsync(NpgsqlConnection connection, long runId, CancellationToken ct) =>
        connection.ExecuteAsync(
            """
            UPDATE runs SET best_distance = (
                SELECT min(distance) FROM checkpoints WHERE run_id = $1 AND complete AND NOT damaged AND distance < 'Infinity')
                    WHERE id = $1
            """,
            [runId],
            ct
        );
}
