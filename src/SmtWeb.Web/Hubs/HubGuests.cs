using System.Collections.Concurrent;
using System.Data.Common;
using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Hubs;

/// <summary>
/// Who is connected to the hub, asked whether they are still welcome when somebody lost something (and from time to time besides), and
/// shown out if not.
/// </summary>
internal sealed class HubGuests(Welcome welcome, Departures departures) : BackgroundService
{
    private readonly Channel<bool> _asked = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    private readonly ConcurrentDictionary<string, HubCallerContext> _guests = new();

    internal void Add(HubCallerContext guest) => _guests[guest.ConnectionId] = guest;

    internal void Remove(HubCallerContext guest) => _guests.TryRemove(guest.ConnectionId, out _);

    /// <summary>Closes the connections of those who would not be let in any more.</summary>
    internal async Task AskAsync(CancellationToken ct)
    {
        // Many connections may come with one key or cookie: each is asked about once.
        foreach (var party in _guests.Values.GroupBy(g => welcome.PassOf(g.User)))
        {
            if (party.First().User is not { } person || !await welcome.LastsAsync(person, ct))
            {
                foreach (var guest in party)
                {
                    guest.Abort();
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        departures.Happened += OnDeparture;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                await WaitAsync(stoppingToken);
                try
                {
                    await AskAsync(stoppingToken);
                }
                catch (DbException)
                {
                    // Without a database nobody hears anything; the next time will do.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        finally
        {
            departures.Happened -= OnDeparture;
        }
    }

    private async Task WaitAsync(CancellationToken ct)
    {
        using var tick = CancellationTokenSource.CreateLinkedTokenSource(ct);
        tick.CancelAfter(Welcome.AskEvery);
        try
        {
            await _asked.Reader.ReadAsync(tick.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // nothing was told; ask nevertheless
        }
    }

    private void OnDeparture(string? userId)
    {
        if (userId is null || _guests.Values.Any(g => welcome.PassOf(g.User).User == userId))
        {
            _asked.Writer.TryWrite(true);
        }
    }
}
