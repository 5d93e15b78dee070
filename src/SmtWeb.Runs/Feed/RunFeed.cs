using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Feed;

/// <summary>
/// The live feed of this node. Notifications only wake it; what is new is read from the tables by a cursor per run, once
/// for all subscribers, and a slow poll behind finds what a lost notification left. Subscribe first and load the page
/// then: what is in both carries the same sequence number or id.
/// </summary>
public sealed partial class RunFeed(RunsDatabase database, ILogger<RunFeed> logger) : BackgroundService, IRunFeed
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(1);

    // New points are read and handed out this often at most: half of the half second in which a page has to show them.
    // What they cost, a query and a message to every client, is paid per turn and not per point.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(250);

    private readonly RunFeedReader _reader = new(database);
    private readonly ConcurrentDictionary<RunSubscription, bool> _subscriptions = new();
    private readonly ConcurrentDictionary<long, RunCursor> _cursors = new();
    private readonly Channel<RunNotice> _notices = Channel.CreateUnbounded<RunNotice>(new() { SingleReader = true });
    private readonly Dictionary<long, RunSummary> _told = [];
    private readonly HashSet<long> _progressed = [];
    private long _progressTold = Stopwatch.GetTimestamp();
    private long _polled = Stopwatch.GetTimestamp();
    private long _turned;
    private volatile bool _missed = true;

    /// <inheritdoc/>
    public IAsyncDisposable Subscribe(long? runId, Func<RunMessage, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        RunCursor? placed = null;
        while (true)
        {
            lock (_subscriptions)
            {
                if (runId is not { } run || _cursors.ContainsKey(run) || (placed is not null && _cursors.TryAdd(run, placed)))
                {
                    var subscription = new RunSubscription(runId, handler, Unsubscribe, logger);
                    _subscriptions[subscription] = true;
                    return subscription;
                }
            }

            placed = new RunCursor();
            try
            {
                // Now, not in the loop: a row written after this call must not fall before the cursor.
                _reader.Place(runId.Value, placed);
            }
            catch (NpgsqlException)
            {
                // The loop places it when the database is back; the page could not load anything either.
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var listener = new DatabaseListener(database.Source, RunChannels.Runs);
        var listening = listener.RunAsync(
            payload =>
            {
                if (RunNotice.TryParse(payload, out var notice))
                {
                    _notices.Writer.TryWrite(notice);
                }
            },
            () =>
            {
                _missed = true;
                _notices.Writer.TryWrite(default);
            },
            stoppingToken
        );

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await TurnAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                // The cursors stand where they stood: after the fault everything since is read.
                ReadFailed(e);
                _missed = true;
                await Task.Delay(TimeSpan.FromMilliseconds(500), CancellationToken.None);
            }
        }

        await listening;
    }

    private async Task TurnAsync(CancellationToken ct)
    {
        var notices = await GatherAsync(ct);
        bool everything = _missed || Stopwatch.GetElapsedTime(_polled) >= Poll;
        if (everything)
        {
            _missed = false;
            _polled = Stopwatch.GetTimestamp();
        }

        if (_subscriptions.IsEmpty)
        {
            _told.Clear();
            _progressed.Clear();
            return;
        }

        await RowsAsync(notices, everything, ct);
        await SummariesAsync(notices, everything, ct);
    }

    /// <summary>
    /// The first point after a pause goes at once, a stream of them once a <see cref="Pace"/>; anything else never waits.
    /// </summary>
    private async Task<HashSet<RunNotice>> GatherAsync(CancellationToken ct)
    {
        var notices = new HashSet<RunNotice>();
        await WaitAsync(_progressed.Count > 0 ? ProgressEvery : Poll, ct);
        Take();
        while (
            notices.All(n => n.Kind is RunNoticeKind.Metrics)
            && Pace - Stopwatch.GetElapsedTime(_turned) is { Ticks: > 0 } rest
            && _turned != 0
        )
        {
            await WaitAsync(rest, ct);
            Take();
        }

        _turned = Stopwatch.GetTimestamp();
        return notices;

        void Take()
        {
            while (_notices.Reader.TryRead(out var notice))
            {
                notices.Add(notice);
            }
        }
    }

    private async Task WaitAsync(TimeSpan most, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(most);
        try
        {
            await _notices.Reader.WaitToReadAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Time for the poll.
        }
    }

    private async Task RowsAsync(HashSet<RunNotice> notices, bool everything, CancellationToken ct)
    {
        foreach (var (run, cursor) in _cursors)
        {
            if (!cursor.Placed)
            {
                _reader.Place(run, cursor);
                Post(new CurvesRewoundMessage(run, 0), toAll: false);
            }

            if (everything || notices.Any(n => n.RunId == run))
            {
                bool rest = everything || notices.Any(n => n.RunId == run && n.Kind is not RunNoticeKind.Metrics);
                foreach (var message in rest ? await _reader.ReadAsync(run, cursor, ct) : await _reader.ReadCurvesAsync(run, cursor, ct))
                {
                    Post(message, toAll: message is EvaluationMessage);
                }
            }
        }

        // Subscribers of every run hear of evaluations of runs that nobody follows closely.
        foreach (var notice in notices.Where(n => n.Kind is RunNoticeKind.Evaluation && !_cursors.ContainsKey(n.RunId)))
        {
            if (await _reader.EvaluationAsync(notice.Argument, ct) is { } evaluation)
            {
                Post(new EvaluationMessage(notice.RunId, evaluation), toAll: true);
            }
        }
    }

    private async Task SummariesAsync(HashSet<RunNotice> notices, bool everything, CancellationToken ct)
    {
        foreach (var notice in notices)
        {
            if (notice.Kind is RunNoticeKind.Deleted)
            {
                _told.Remove(notice.RunId);
                Post(new StateChangeMessage(notice.RunId, null), toAll: true);
            }
            else if (notice.Kind is RunNoticeKind.Metrics)
            {
                _progressed.Add(notice.RunId);
            }
        }

        bool progress = _progressed.Count > 0 && Stopwatch.GetElapsedTime(_progressTold) >= ProgressEvery;
        if (
            !everything
            && !progress
            && !notices.Any(n => n.Kind is RunNoticeKind.Summary or RunNoticeKind.Rewound or RunNoticeKind.Deleted)
        )
        {
            return;
        }

        _progressTold = Stopwatch.GetTimestamp();
        _progressed.Clear();
        // One change moves the queue positions of others, so all that have not ended are looked at.
        var open = _told.Values.Where(s => !s.State.IsEnded()).Select(s => s.Id);
        var summaries = await _reader.SummariesAsync([.. open, .. _cursors.Keys, .. notices.Select(n => n.RunId).Distinct()], ct);
        foreach (var summary in summaries)
        {
            if (!_told.TryGetValue(summary.Id, out var before) || before != summary)
            {
                _told[summary.Id] = summary;
                Post(new StateChangeMessage(summary.Id, summary), toAll: true);
            }
        }

        foreach (long gone in open.Except(summaries.Select(s => s.Id)).ToList())
        {
            _told.Remove(gone);
            Post(new StateChangeMessage(gone, null), toAll: true);
        }
    }

    private void Post(RunMessage message, bool toAll)
    {
        foreach (var (subscription, _) in _subscriptions)
        {
            if (subscription.RunId == message.RunId || (toAll && subscription.RunId is null))
            {
                subscription.Post(message);
            }
        }
    }

    private void Unsubscribe(RunSubscription subscription)
    {
        lock (_subscriptions)
        {
            if (
                _subscriptions.TryRemove(subscription, out _)
                && subscription.RunId is { } run
                && !_subscriptions.Keys.Any(s => s.RunId == run)
            )
            {
                _cursors.TryRemove(run, out _);
            }
        }
    }

    [LoggerMessage(
        Level = Microsoft.Extensions.Logging.LogLevel.Warning,
        Message = "The live feed could not read what is new; it tries again"
    )]
    private partial void ReadFailed(Exception exception);
}
