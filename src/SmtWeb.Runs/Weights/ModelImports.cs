using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs.Weights;

/// <summary>
/// Imports of weights from the folders of nodes: what people asked for, and what became of it. Who does one is its work item's
/// affair (<see cref="WorkItems"/>), whose attempt number is the fence of every write.
/// </summary>
public sealed class ModelImports(RunsDatabase database)
{
    private const string Open = "'Queued', 'Running'";

    /// <summary>Queues the import of a file for the node of <paramref name="queue"/>, in whose folder it lies.</summary>
    public async Task<ChangeResult> QueueAsync(string queue, string file, string? name, string by, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        long id;
        try
        {
            id = await connection.ScalarAsync<long>(
                "INSERT INTO model_imports (queue, file, name, by, state, bytes, created) VALUES ($1, $2, nullif($3, ''), $4, "
                    + "'Queued', 0, now()) RETURNING id",
                [queue, file, name ?? "", by],
                ct
            );
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return new(ChangeOutcome.Conflict, $"{file} is being imported already.");
        }

        await WorkItems.AddAsync(connection, queue, id, file, null, ct);
        await transaction.CommitAsync(ct);
        return ChangeResult.Done;
    }

    /// <summary>The newest import of every file of a node.</summary>
    public async Task<IReadOnlyList<ModelImport>> NewestAsync(string queue, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var select = connection.Sql(
            "SELECT DISTINCT ON (file) id, file, coalesce(name, ''), by, state, bytes, coalesce(problem, ''), created FROM "
                + "model_imports WHERE queue = $1 ORDER BY file, id DESC",
            queue
        );
        await using var reader = await select.ExecuteReaderAsync(ct);
        var found = new List<ModelImport>();
        while (await reader.ReadAsync(ct))
        {
            found.Add(Read(reader));
        }

        return found;
    }

    /// <summary>A claimed import begins; null where the attempt no longer owns it.</summary>
    public async Task<ModelImport?> BeginAsync(ClaimedItem work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await WorkItems.HoldAsync(connection, work.Queue, work.Subject, work.Attempt, ct))
        {
            return null;
        }

        ModelImport? begun;
        await using (
            var begin = connection.Sql(
                """
                UPDATE model_imports SET state = 'Running', bytes = 0 WHERE id = $1
                RETURNING id, file, coalesce(name, ''), by, state, bytes, coalesce(problem, ''), created
                """,
                work.Subject
            )
        )
        await using (var reader = await begin.ExecuteReaderAsync(ct))
        {
            begun = await reader.ReadAsync(ct) ? Read(reader) : null;
        }

        await transaction.CommitAsync(ct);
        return begun;
    }

    /// <summary>Tells how far it is and renews the lease; false where the attempt no longer owns it.</summary>
    public async Task<bool> RenewAsync(ClaimedItem work, long bytes, TimeSpan lease, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteAsync(
                """
                WITH held AS (UPDATE work_items SET lease_until = now() + $4 WHERE queue = $1 AND subject = $2 AND attempt = $3
                    AND lease_until IS NOT NULL RETURNING subject)
                UPDATE model_imports SET bytes = $5 FROM held WHERE id = held.subject
                """,
                [work.Queue, work.Subject, work.Attempt, lease, bytes],
                ct
            ) == 1;
    }

    /// <summary>It is over; <paramref name="problem"/> says why there is no model, null: there is one.</summary>
    public async Task EndAsync(ClaimedItem work, string? problem, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await WorkItems.HoldAsync(connection, work.Queue, work.Subject, work.Attempt, ct))
        {
            await WorkItems.EndAsync(connection, work.Queue, work.Subject, ct);
            await connection.ExecuteAsync(
                "UPDATE model_imports SET state = CASE WHEN $2 = '' THEN 'Done' ELSE 'Failed' END, problem = nullif($2, ''), ended = "
                    + "now() WHERE id = $1",
                [work.Subject, problem ?? ""],
                ct
            );
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>The node closes: its next process takes the import up from the start.</summary>
    public async Task ReleaseAsync(ClaimedItem work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await WorkItems.LetGoAsync(connection, work.Queue, work.Subject, work.Attempt, counts: false, ct) is not null)
        {
            await connection.ExecuteAsync(
                $"UPDATE model_imports SET state = 'Queued' WHERE id = $1 AND state IN ({Open})",
                [work.Subject],
                ct
            );
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Forgets imports that ended long ago, and ends those of nodes that are gone; how many.</summary>
    internal static Task<int> ExpireAsync(NpgsqlConnection connection, CancellationToken ct) =>
        connection.ExecuteAsync(
            $"""
            DELETE FROM model_imports i WHERE i.created < now() - interval '30 days'
                AND (i.state NOT IN ({Open}) OR NOT EXISTS (SELECT 1 FROM work_items w WHERE w.queue = i.queue AND w.subject = i.id))
            """,
            [],
            ct
        );

    private static ModelImport Read(NpgsqlDataReader reader) =>
        new(
            reader.GetInt64(0),
            reader.GetString(1),
            reader.GetString(2) is { Length: > 0 } name ? name : null,
            reader.GetString(3),
            Enum.Parse<ModelImportState>(reader.GetString(4)),
            reader.GetInt64(5),
            reader.GetString(6) is { Length: > 0 } problem ? problem : null,
            reader.GetFieldValue<DateTimeOffset>(7)
        );
}
