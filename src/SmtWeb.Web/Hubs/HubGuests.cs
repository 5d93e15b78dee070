using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.AspNetCore.SignalR;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Hubs;

/// <summary>Who is connected to the hub, asked for from time to time whether they are still welcome, and shown out if not.</summary>
internal sealed class HubGuests(Welcome welcome) : BackgroundService
{
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
        using var timer = new PeriodicTimer(Welcome.AskEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
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
    }
}
