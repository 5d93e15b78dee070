using System.Globalization;
using SmtWeb.Data.Formats;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Torch;

namespace SmtWeb.Runs.Datasets;

/// <summary>
/// Checks of data sets. Who does one is its work item's affair (<see cref="WorkItems"/>), whose attempt number is the fence of
/// every write.
/// </summary>
public sealed class DatasetChecks(RunsDatabase database)
{
    /// <summary>A claimed check begins; null where the attempt no longer owns it.</summary>
    public async Task<ClaimedCheck?> BeginAsync(ClaimedItem work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await WorkItems.HoldAsync(connection, JobQueues.Datasets, work.Subject, work.Attempt, ct))
        {
            return null;
        }

        ClaimedCheck? check = null;
        await using (
            var begin = connection.Sql(
                "UPDATE datasets SET state = 'Checking', progress = 0, phase = NULL, problem = NULL WHERE id = $1 RETURNING path, "
                    + "kind, skip_corrupt, wanted_side",
                work.Subject
            )
        )
        await using (var reader = await begin.ExecuteReaderAsync(ct))
        {
            if (await reader.ReadAsync(ct))
            {
                check = new(work.Subject, work.Attempt, reader.GetString(0), reader.GetString(1), reader.GetBoolean(2), reader.GetInt32(3));
            }
        }

        if (check is null)
        {
            await WorkItems.EndAsync(connection, JobQueues.Datasets, work.Subject, ct);
        }
        else
        {
            await connection.NotifyAsync(RunChannels.Datasets, $"{check.Id}", ct);
        }
        await transaction.CommitAsync(ct);
        return check;
    }

    /// <summary>Reports progress and renews the lease; false where the check is no longer this attempt's.</summary>
    public Task<bool> ProgressAsync(ClaimedCheck check, CheckProgress progress, TimeSpan lease, CancellationToken ct = default) =>
        ChangeAsync(
            "phase = $2, progress = $3",
            check,
            [progress.Phase, progress.Total > 0 ? (double)progress.Done / progress.Total : 0.0],
            lease,
            ct
        );

    /// <summary>The check found the data to be good.</summary>
    public Task<bool> CompleteAsync(ClaimedCheck check, DatasetReport report, byte[] samples, CancellationToken ct = default) =>
        ChangeAsync(
            """
            state = 'Ready', problem = NULL, phase = NULL, progress = 1, checked = now(), kind = $2, sha256 = $3, bytes = $4, records = $5, side = $6, channels = $7,
            class_names = $8, class_counts = $9, corrupt_count = $10, corrupt = $11, samples = $12, sample_columns = $13, sample_labels = $14, notes = $15
            """,
            check,
            [
                report.Kind,
                report.Sha256,
                report.Bytes,
                report.Records,
                report.Side,
                report.Channels,
                report.ClassNames.ToArray(),
                report.ClassCounts.ToArray(),
                report.CorruptCount,
                report
                    .Corrupt.Select(c =>
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"record {c.Index}{(c.Record.Length > 0 ? $" ({c.Record})" : "")}: {c.Problem}"
                        )
                    )
                    .ToArray(),
                samples,
                report.SampleColumns,
                report.SampleLabels.ToArray(),
                report.Notes.Select(n => n.ToString()).ToArray(),
            ],
            null,
            ct
        );

    /// <summary>The data cannot be used.</summary>
    public Task<bool> FailAsync(ClaimedCheck check, string problem, CancellationToken ct = default) =>
        ChangeAsync("state = 'Failed', problem = $2, phase = NULL, checked = now()", check, [problem], null, ct);

    /// <summary>The worker leaves: another takes the check up from the start.</summary>
    public async Task<bool> ReleaseAsync(ClaimedCheck check, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        bool held = await WorkItems.LetGoAsync(connection, JobQueues.Datasets, check.Id, check.Attempt, counts: false, ct) is not null;
        if (held)
        {
            await connection.ExecuteAsync(
                "UPDATE datasets SET state = 'Queued', phase = NULL WHERE id = $1 AND state = 'Checking'",
                [check.Id],
                ct
            );
        }
        await transaction.CommitAsync(ct);
        return held;
    }

    // with a lease the check goes on, without one it is over
    private async Task<bool> ChangeAsync(string assignments, ClaimedCheck check, object?[] values, TimeSpan? lease, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await WorkItems.HoldAsync(connection, JobQueues.Datasets, check.Id, check.Attempt, ct))
        {
            return false;
        }

        if (lease is { } length)
        {
            await connection.ExecuteAsync(
                "UPDATE work_items SET lease_until = now() + $3 WHERE queue = $1 AND subject = $2",
                [JobQueues.Datasets, check.Id, length],
                ct
            );
        }
        else
        {
            await WorkItems.EndAsync(connection, JobQueues.Datasets, check.Id, ct);
        }
        await connection.ExecuteAsync($"UPDATE datasets SET {assignments} WHERE id = $1", [check.Id, .. values], ct);
        await connection.NotifyAsync(RunChannels.Datasets, $"{check.Id}", ct);
        await transaction.CommitAsync(ct);
        return true;
    }
}
