using System.Diagnostics;
using Npgsql;

namespace SmtWeb.Runs.Database;

/// <summary>Tells the faults of PostgreSQL apart: those that pass by themselves, and those that somebody must see to.</summary>
public static class PostgresFaults
{
    /// <summary>
    /// The connection broke or the server is starting or stopping: trying again is right. A full disk is not among them,
    /// although Npgsql calls it transient: it stays full until somebody makes room.
    /// </summary>
    public static bool IsConnectionLoss(Exception exception) =>
        exception switch
        {
            PostgresException fault => fault.SqlState
                is PostgresErrorCodes.TooManyConnections
                    or PostgresErrorCodes.SerializationFailure
                    or PostgresErrorCodes.DeadlockDetected
                || fault.SqlState.StartsWith("57P", StringComparison.Ordinal)
                || fault.SqlState.StartsWith("08", StringComparison.Ordinal),
            NpgsqlException => true,
            _ => false,
        };

    /// <summary>The server could not store something (disk full, quota, I/O error, no memory).</summary>
    public static bool IsOutOfRoom(Exception exception) =>
        exception
            is PostgresException
            {
                SqlState: PostgresErrorCodes.DiskFull
                    or PostgresErrorCodes.InsufficientResources
                    or PostgresErrorCodes.OutOfMemory
                    or PostgresErrorCodes.IoError,
            };

    /// <summary>Repeats <paramref name="work"/> while the connection is lost, for at most <paramref name="patience"/>.</summary>
    public static async Task<T> RetryAsync<T>(Func<Task<T>> work, TimeSpan patience, CancellationToken ct)
    {
        long begin = Stopwatch.GetTimestamp();
        for (int failures = 0; ; failures++)
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (IsConnectionLoss(e) && Stopwatch.GetElapsedTime(begin) < patience && !ct.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(100 << Math.Min(failures, 4), 1000)), ct);
            }
        }
    }

    /// <inheritdoc cref="RetryAsync{T}"/>
    public static Task RetryAsync(Func<Task> work, TimeSpan patience, CancellationToken ct) =>
        RetryAsync(
            async () =>
            {
                await work();
                return true;
            },
            patience,
            ct
        );
}
