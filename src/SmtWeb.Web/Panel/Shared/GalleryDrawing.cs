using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// Draws one-step samples into a part of a page by the script that asks the REST endpoint for them, once for every choice.
/// </summary>
public sealed class GalleryDrawing(IJSRuntime js) : IAsyncDisposable
{
    private IJSObjectReference? _module;
    private Choice? _drawn;

    /// <summary>
    /// What is drawn: <paramref name="Count"/> images from seed <paramref name="First"/> on; null is "as usual". Without a
    /// <paramref name="Class"/>, each of the <paramref name="Classes"/> in turn.
    /// </summary>
    public sealed record Choice(long Run, long? Checkpoint, int? Class, int Classes, ulong First, int Count, int? Steps = null);

    /// <summary>Draws, where it is not what stands there.</summary>
    public async Task DrawAsync(ElementReference root, Choice wanted)
    {
        if (_drawn == wanted)
        {
            return;
        }

        _drawn = wanted;
        try
        {
            _module ??= await js.InvokeAsync<IJSObjectReference>("import", "./js/gallery.js");
            // seeds as text: JavaScript's numbers end at 2^53
            await _module.InvokeVoidAsync(
                "draw",
                root,
                wanted.Run,
                wanted.Checkpoint,
                wanted.Class,
                wanted.Classes,
                wanted.First.ToString(CultureInfo.InvariantCulture),
                wanted.Count,
                wanted.Steps
            );
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException)
        {
            // the browser is away; the page draws again when it is back
        }
    }

    /// <summary>Draws again even what stands there.</summary>
    public void Forget() => _drawn = null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_module is not null)
            {
                await _module.DisposeAsync();
            }
        }
        catch (JSDisconnectedException)
        {
            // the browser is gone, and its objects with it
        }
    }
}
