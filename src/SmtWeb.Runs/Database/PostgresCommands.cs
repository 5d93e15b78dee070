using Npgsql;

namespace SmtWeb.Runs.Database;

/// <summary>Short forms for plain SQL with positional parameters.</summary>
internal static class PostgresCommands
{
    public static NpgsqlCommand Sql(this NpgsqlConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (object? value in values)
        {
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value ?? DBNull.Value });
        }

        return command;
    }

    public static async Task<int> ExecuteAsync(this NpgsqlConnection connection, string sql, object?[] values, CancellationToken ct)
    {
        await using var command = connection.Sql(sql, values);
        return await command.ExecuteNonQueryAsync(ct);
    }

    public static async Task<T?> ScalarAsync<T>(this NpgsqlConnection connection, string sql, object?[] values, CancellationToken ct)
    {
        await using var command = connection.Sql(sql, values);
        return await command.ExecuteScalarAsync(ct) is T value ? value : default;
    }

    /// <summary>Notifies at commit of the surrounding transaction.</summary>
    public static Task NotifyAsync(this NpgsqlConnection connection, string channel, string payload, CancellationToken ct) =>
        connection.ExecuteAsync("SELECT pg_notify($1, $2)", [channel, payload], ct);

    /// <summary>Tells readers at commit of the surrounding transaction.</summary>
    public static Task NotifyAsync(this NpgsqlConnection connection, RunNotice notice, CancellationToken ct) =>
        connection.NotifyAsync(RunChannels.Runs, notice.ToString(), ct);
}
