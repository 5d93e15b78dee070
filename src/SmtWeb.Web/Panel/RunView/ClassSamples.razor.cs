using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>
/// Any one class of a run with more classes than a grid has rows: drawn on request from a checkpoint, by the endpoint that the
/// gallery uses. Class and checkpoint are in the URL.
/// </summary>
public sealed partial class ClassSamples : IAsyncDisposable
{
    private const int Count = 32;

    private List<RunCheckpoint> _checkpoints = [];
    private string? _drawn;
    private ElementReference _root;
    private IJSObjectReference? _module;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public required long RunId { get; set; }

    /// <summary>Its classes, in the order of their labels.</summary>
    [Parameter, EditorRequired] public required IReadOnlyList<ClassChoice> Classes { get; set; }

    [SupplyParameterFromQuery] private int? Class { get; set; }

    [SupplyParameterFromQuery] private long? Checkpoint { get; set; }

    [Inject] private IRunStore Store { get; set; } = default!;

    [Inject] private NavigationManager Navigation { get; set; } = default!;

    [Inject] private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync() => _checkpoints = [.. (await Store.CheckpointsAsync(RunId)).Reverse()];

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        var wanted = $"{Checkpoint}|{Class}";
        if (Class is not { } label || _checkpoints.Count == 0 || _drawn == wanted)
        {
            return;
        }

        _drawn = wanted;
        try
        {
            _module ??= await Js.InvokeAsync<IJSObjectReference>("import", "./js/gallery.js");
            await _module.InvokeVoidAsync("draw", _root, RunId, Checkpoint, label, "0", Count);
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException)
        {
            // the browser is away; the page draws again when it is back
        }
    }

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

    private void SetClass(int? value) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("class", value), replace: true);

    private void SetCheckpoint(ChangeEventArgs e) =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("checkpoint", long.TryParse((string?)e.Value, CultureInfo.InvariantCulture, out var id) ? id : null), replace: true);
}
