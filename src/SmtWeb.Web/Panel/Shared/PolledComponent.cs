using System.Data.Common;
using Microsoft.AspNetCore.Components;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>A component that looks again every so often while something goes on that nobody announces, and somebody watches.</summary>
public abstract class PolledComponent : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _gone = new();

    /// <summary>Ends when the component goes.</summary>
    protected CancellationToken Gone => _gone.Token;

    /// <summary>Time between two looks.</summary>
    protected abstract TimeSpan Between { get; }

    /// <summary>Whether there is anything to look for.</summary>
    protected abstract bool GoesOn { get; }

    /// <summary>Looks again.</summary>
    protected abstract Task LookAsync();

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender)
        {
            _ = FollowAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task FollowAsync()
    {
        using var timer = new PeriodicTimer(Between);
        try
        {
            while (await timer.WaitForNextTickAsync(Gone))
            {
                if (GoesOn)
                {
                    await InvokeAsync(LookAndShowAsync);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // the page is gone
        }
    }

    private async Task LookAndShowAsync()
    {
        try
        {
            await LookAsync();
            StateHasChanged();
        }
        catch (DbException)
        {
            // The database is away: what is shown stays, and the next look may see more.
        }
    }
}
