using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// A component that follows the feed of runs while a person looks at it. Prerendering follows nothing. Messages arrive
/// on the component's own dispatcher, one after the other.
/// </summary>
public abstract class LiveComponent : ComponentBase, IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _subscriptions = [];
    private readonly CancellationTokenSource _gone = new();

    /// <summary>The feed.</summary>
    [Inject]
    protected IRunFeed Feed { get; set; } = default!;

    /// <summary>The runs.</summary>
    [Inject]
    protected IRunStore Store { get; set; } = default!;

    /// <summary>True once the component is gone.</summary>
    protected bool Disposed { get; private set; }

    /// <summary>Ends when the component goes.</summary>
    protected CancellationToken Gone => _gone.Token;

    /// <summary>Follows the states of all runs.</summary>
    protected Task FollowAllAsync() => SubscribeAsync([null]);

    /// <summary>
    /// Follows runs, and no longer what it followed before. Call it before loading, so that nothing falls between; what
    /// is both loaded and announced must be told apart by its id.
    /// </summary>
    protected Task FollowAsync(params IEnumerable<long> runIds) => SubscribeAsync(runIds.Select(id => (long?)id));

    private async Task SubscribeAsync(IEnumerable<long?> runIds)
    {
        await EndSubscriptionsAsync();
        if (RendererInfo.IsInteractive && !Disposed)
        {
            _subscriptions.AddRange(
                runIds.Select(id =>
                    Feed.Subscribe(
                        id,
                        message =>
                            Disposed ? Task.CompletedTask : InvokeAsync(() => Disposed ? Task.CompletedTask : OnMessageAsync(message))
                    )
                )
            );
        }
    }

    /// <summary>A change of a run.</summary>
    protected abstract Task OnMessageAsync(RunMessage message);

    /// <summary>Ends what else the component holds.</summary>
    protected virtual ValueTask OnDisposeAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Disposed = true;
        await _gone.CancelAsync();
        await EndSubscriptionsAsync();
        await OnDisposeAsync();
        GC.SuppressFinalize(this);
    }

    private async Task EndSubscriptionsAsync()
    {
        foreach (var subscription in _subscriptions.ToList())
        {
            await subscription.DisposeAsync();
        }

        _subscriptions.Clear();
    }
}
