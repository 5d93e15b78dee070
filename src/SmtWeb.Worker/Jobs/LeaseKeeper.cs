using Npgsql;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Renews the lease of claimed work for as long as it is kept. <see cref="Over"/> ends what is done: the lease was lost, or the
/// node closes.
/// </summary>
internal sealed class LeaseKeeper : IAsyncDisposable
{
    private readonly CancellationTokenSource _over;
    private readonly Task _renewing;

    /// <summary>Begins; <paramref name="renew"/> is false where the work is another attempt's.</summary>
    public LeaseKeeper(Func<Task<bool>> renew, TimeSpan between, CancellationToken closing)
    {
        _over = CancellationTokenSource.CreateLinkedTokenSource(closing);
        _renewing = RenewAsync(renew, between);
    }

    public CancellationToken Over => _over.Token;

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _renewing;
        _over.Dispose();
    }

    private async Task RenewAsync(Func<Task<bool>> renew, TimeSpan between)
    {
        while (!_over.IsCancellationRequested)
        {
            try
            {
                if (!await renew())
                {
                    await _over.CancelAsync();
                }
            }
            catch (NpgsqlException)
            {
                // the database is away: whether the lease was lost is seen when it is back
            }

            await Task.Delay(between, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
