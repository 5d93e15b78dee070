using System.Globalization;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Datasets;

namespace SmtWeb.Runs.Datasets;

/// <summary>Checks of data sets as a queue: one worker at a time, with a lease, and the attempt number as the fence of every later write.</summary>
public sealed class DatasetChecks(RunsDatabase database)
{
    /// <summary>Takes the oldest check that waits, or one whose worker was silent; null where there is none.</summary>
    public async Task<ClaimedCheck?> ClaimAsync(TimeSpan lease, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var claim = connection.Sql(
            """
            UPDATE datasets SET state = 'Checking', attempt = attempt + 1, progress = 0, phase = NULL, problem = NULL, lease_until = now() + $1::interval
            WHERE id = (SELECT id FROM datasets WHERE state = 'Queued' OR (state = 'Checking' AND lease_until < now()) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id, attempt, path, kind, skip_corrupt, wanted_side
            """,
            lease);
        await using var reader = await claim.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? new(reader.GetInt64(0), reader.GetInt32(1), reader.GetString(2), reader.GetString(3), reader.GetBoolean(4), reader.GetInt32(5))
            : null;
    }

    /// <summary>Reports progress and renews the lease; false where the check is no longer this attempt's.</summary>
    public Task<bool> ProgressAsync(ClaimedCheck check, CheckProgress progress, TimeSpan lease, CancellationToken ct = default) => ChangeAsync(
        "phase = $3, progress = $4, lease_until = now() + $5::interval", check,
        [progress.Phase, progress.Total > 0 ? (double)progress.Done / progress.Total : 0.0, lease], ct);

    /// <summary>The check found the data to be good.</summary>
    public Task<bool> CompleteAsync(ClaimedCheck check, DatasetReport report, byte[] samples, CancellationToken ct = default) => ChangeAsync(
        """
        state = 'Ready', problem = NULL, phase = NULL, progress = 1, lease_until = NULL, checked = now(), kind = $3, sha256 = $4, bytes = $5, records = $6, side = $7, channels = $8,
        class_names = $9, class_counts = $10, corrupt_count = $11, corrupt = $12, samples = $13, sample_columns = $14, sample_labels = $15, notes = $16
        """,
        check,
        [
            report.Kind, report.Sha256, report.Bytes, report.Records, report.Side, report.Channels, report.ClassNames.ToArray(), report.ClassCounts.ToArray(), report.CorruptCount,
            report.Corrupt.Select(c => string.Create(CultureInfo.InvariantCulture, $"record {c.Index}{(c.Record.Length > 0 ? $" ({c.Record})" : "")}: {c.Problem}")).ToArray(),
            samples, report.SampleColumns, report.SampleLabels.ToArray(), report.Notes.Select(n => n.ToString()).ToArray(),
        ],
        ct);

    /// <summary>The data cannot be used.</summary>
    public Task<bool> FailAsync(ClaimedCheck check, string problem, CancellationToken ct = default) =>
        ChangeAsync("state = 'Failed', problem = $3, phase = NULL, lease_until = NULL, checked = now()", check, [problem], ct);

    /// <summary>The worker leaves: another takes the check up from the start.</summary>
    public Task<bool> ReleaseAsync(ClaimedCheck check, CancellationToken ct = default) => ChangeAsync("state = 'Queued', phase = NULL, lease_until = NULL", check, [], ct);

    private async Task<bool> ChangeAsync(string assignments, ClaimedCheck check, object?[] values, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var held = await connection.ExecuteAsync($"UPDATE datasets SET {assignments} WHERE id = $1 AND attempt = $2 AND state = 'Checking'", [check.Id, check.Attempt, .. values], ct) > 0;
        if (held) await connection.NotifyAsync(RunChannels.Datasets, $"{check.Id}", ct);
        return held;
    }
}
