using Microsoft.AspNetCore.SignalR;
using SmtWeb.Runs;

namespace SmtWeb.Web.Hubs;

/// <summary>
/// Carries the feed of a run to the hub's clients: one feed subscription per run and node, however many clients follow
/// it, opened by the first and closed by the last. SignalR writes each message once and sends the same bytes to all.
/// </summary>
internal sealed partial class RunBroadcast(IRunFeed feed, IHubContext<RunsHub, IRunsClient> hub, ILogger<RunBroadcast> logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

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
                    _rooms[runId] = room = new Room(feed.Subscribe(runId, message => SendAsync(runId, message)));
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

    /// <summary>
    /// One message to all who follow the run. A client that does not read holds the others up for <see cref="Patience"/>
    /// at most: a write that is given up closes its connection, and the client joins again and fetches what it missed.
    /// </summary>
    private async Task SendAsync(long runId, RunMessage message)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await SendAsync(hub.Clients.Group(GroupOf(runId)), message, patience.Token);
        }
        catch (OperationCanceledException)
        {
            SlowClientsDropped(runId, Patience.TotalSeconds);
        }
    }

    private static Task SendAsync(IRunsClient clients, RunMessage message, CancellationToken ct) =>
        message switch
        {
            MetricBatchMessage m => clients.MetricBatch(m, ct),
            CurvesRewoundMessage m => clients.CurvesRewound(m, ct),
            EvaluationMessage m => clients.Evaluation(m, ct),
            GridReadyMessage m => clients.GridReady(m, ct),
            InterpolationReadyMessage m => clients.InterpolationReady(m, ct),
            CheckpointMessage m => clients.Checkpoint(m, ct),
            StateChangeMessage m => clients.StateChange(m, ct),
            LogMessage m => clients.Log(m, ct),
            _ => throw new NotSupportedException($"{message.GetType().Name} has no counterpart in {nameof(IRunsClient)}."),
        };

    [LoggerMessage(
        Level = Microsoft.Extensions.Logging.LogLevel.Warning,
        Message = "Clients of run {RunId} that read nothing for {Seconds} s were disconnected"
    )]
    private partial void SlowClientsDropped(long runId, double seconds);

    private static string GroupOf(long runId) => $"run-{runId}";

    private sealed record Room(IAsyncDisposable Subscription)
    {
        internal HashSet<string> Members { get; } = [];
    }
}
