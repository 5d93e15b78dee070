using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// A component that follows the feed of runs while a person looks at it. Prerendering follows nothing. Messages arrive
/// on the component's own dispatcher, one after the other.
/// </summary>
public abstract class LiveComponent : ComponentBase, IAsyncDisposable
{
    private IAsyncDisposable? _subscription;

    /// <summary>The feed.</summary>
    [Inject] protected IRunFeed Feed { get; set; } = default!;

    /// <summary>The runs.</summary>
    [Inject] protected IRunStore Store { get; set; } = default!;

    /// <summary>True once the component is gone.</summary>
    protected bool Disposed { get; private set; }

    /// <summary>Ends when the component goes.</summary>
    protected CancellationToken Gone => _gone.Token;

    private readonly CancellationTokenSource _gone = new();

    /// <summary>
    /// Follows a run, or (null) the states of all. Call it before loading, so that nothing falls between; what is both
    /// loaded and announced must be told apart by its id.
    /// </summary>
    protected async Task FollowAsync(long? runId)
    {
        if (_subscription is not null)
        {
            await _subscription.DisposeAsync();
            _subscription = null;
        }

        if (RendererInfo.IsInteractive && !Disposed)
        {
            _subscription = Feed.Subscribe(runId, message => Disposed ? Task.CompletedTask : InvokeAsync(() => Disposed ? Task.CompletedTask : OnMessageAsync(message)));
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
        if (_subscription is not null)
        {
            await _subscription.DisposeAsync();
        }

        await OnDisposeAsync();
        GC.SuppressFinalize(this);
    }
}
