using Npgsql;

namespace SmtWeb.Runs.Database;

/// <summary>
/// Listens to a channel for as long as it is asked to. A broken connection is opened again; since notifications sent
/// meanwhile are lost, <c>onConnected</c> is called after every connection so that the caller reads what it may have missed.
/// </summary>
public sealed class DatabaseListener(NpgsqlDataSource source, string channel)
{
    /// <summary>Time between attempts to connect.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Time without a word after which the connection is tried, in case that the server vanished silently.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Listens until cancelled; never throws for the database's sake.</summary>
    public async Task RunAsync(Action<string> onNotification, Action onConnected, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(onNotification, onConnected, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException)
            {
                try
                {
                    await Task.Delay(RetryDelay, ct);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    private async Task ListenAsync(Action<string> onNotification, Action onConnected, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        connection.Notification += (_, e) => onNotification(e.Payload);
        await connection.ExecuteAsync($"LISTEN {channel}", [], ct);
        onConnected();
        while (true)
        {
            if (!await connection.WaitAsync(KeepAlive, ct))
            {
                await connection.ExecuteAsync("SELECT 1", [], ct);
            }
        }
    }
}
