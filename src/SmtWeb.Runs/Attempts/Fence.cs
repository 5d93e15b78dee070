using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Attempts;

/// <summary>
/// Runs writes of an attempt in one transaction that first locks the run's row and checks that the attempt still owns it
/// (function <c>smtweb_fence</c> of the migrations raises SW001 otherwise). The lock also puts the writes of one run into
/// one order, so that ids of a run's rows rise in commit order and a reader's cursor never skips a row.
/// </summary>
internal static class Fence
{
    private const string Refused = "SW001";

    public static async Task<T> RunAsync<T>(
        NpgsqlDataSource source,
        long runId,
        int attempt,
        Func<NpgsqlConnection, Task<T>> write,
        CancellationToken ct
    )
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(ct);
            await using var transaction = await connection.BeginTransactionAsync(ct);
            // a trainer that is stopped in the middle must not hold the row against those who take its run over
            await connection.ExecuteAsync(
                "SELECT set_config('idle_in_transaction_session_timeout', '15s', true), smtweb_fence($1, $2)",
                [runId, attempt],
                ct
            );
            T result = await write(connection);
            await transaction.CommitAsync(ct);
            return result;
        }
        catch (PostgresException e) when (e.SqlState == Refused)
        {
            throw new AttemptFencedException(runId, attempt, e);
        }
    }

    public static Task RunAsync(
        NpgsqlDataSource source,
        long runId,
        int attempt,
        Func<NpgsqlConnection, Task> write,
        CancellationToken ct
    ) =>
        RunAsync(
            source,
            runId,
            attempt,
            async connection =>
            {
                await write(connection);
                return true;
            },
            ct
        );
}
