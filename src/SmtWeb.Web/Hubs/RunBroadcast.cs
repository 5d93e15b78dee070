using Microsoft.AspNetCore.SignalR;
using SmtWeb.Runs;

namespace SmtWeb.Web.Hubs;

/// <summary>
/// Carries the feed of a run to the hub's clients: one feed subscription per run and node, however many clients follow
/// it, opened by the first and closed by the last. SignalR writes each message once and sends the same bytes to all.
/// </summary>
public sealed class RunBroadcast(IRunFeed feed, IHubContext<RunsHub, IRunsClient> hub) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<long, Room> _rooms = [];

    /// <summary>True while a run's feed is open.</summary>
    internal bool HasFeed(long runId) => MembersOf(runId) > 0;

    /// <summary>Connections that follow a run.</summary>
    internal int MembersOf(long runId)
    {
        lock (_rooms)
        {
            return _rooms.TryGetValue(runId, out var room) ? room.Members.Count : 0;
        }
    }

    /// <summary>Runs that a connection follows.</summary>
    internal int CountOf(string connectionId)
    {
        lock (_rooms)
        {
            return _rooms.Values.Count(room => room.Members.Contains(connectionId));
        }
    }

    internal async Task JoinAsync(string connectionId, long runId)
    {
        await _gate.WaitAsync();
        try
        {
            await hub.Groups.AddToGroupAsync(connectionId, GroupOf(runId));
            lock (_rooms)
            {
                if (!_rooms.TryGetValue(runId, out var room))
                {
                    _rooms[runId] = room = new Room(feed.Subscribe(runId, message => SendAsync(hub.Clients.Group(GroupOf(runId)), message)));
                }

                room.Members.Add(connectionId);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    internal async Task LeaveAsync(string connectionId, long runId)
    {
        await _gate.WaitAsync();
        try
        {
            await hub.Groups.RemoveFromGroupAsync(connectionId, GroupOf(runId));
            Room? empty = null;
            lock (_rooms)
            {
                if (_rooms.TryGetValue(runId, out var room) && room.Members.Remove(connectionId) && room.Members.Count == 0)
                {
                    empty = room;
                    _rooms.Remove(runId);
                }
            }

            if (empty is not null)
            {
                await empty.Subscription.DisposeAsync();
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    internal async Task LeaveAllAsync(string connectionId)
    {
        long[] joined;
        lock (_rooms)
        {
            joined = [.. _rooms.Where(room => room.Value.Members.Contains(connectionId)).Select(room => room.Key)];
        }

        foreach (var runId in joined)
        {
            await LeaveAsync(connectionId, runId);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Room[] rooms;
        lock (_rooms)
        {
            rooms = [.. _rooms.Values];
            _rooms.Clear();
        }

        foreach (var room in rooms)
        {
            await room.Subscription.DisposeAsync();
        }

        _gate.Dispose();
    }

    private static Task SendAsync(IRunsClient clients, RunMessage message) => message switch
    {
        MetricBatchMessage m => clients.MetricBatch(m),
        CurvesRewoundMessage m => clients.CurvesRewound(m),
        EvaluationMessage m => clients.Evaluation(m),
        GridReadyMessage m => clients.GridReady(m),
        InterpolationReadyMessage m => clients.InterpolationReady(m),
        CheckpointMessage m => clients.Checkpoint(m),
        StateChangeMessage m => clients.StateChange(m),
        LogMessage m => clients.Log(m),
        _ => throw new NotSupportedException($"{message.GetType().Name} has no counterpart in {nameof(IRunsClient)}."),
    };

    private static string GroupOf(long runId) => $"run-{runId}";

    private sealed record Room(IAsyncDisposable Subscription)
    {
        internal HashSet<string> Members { get; } = [];
    }
}
