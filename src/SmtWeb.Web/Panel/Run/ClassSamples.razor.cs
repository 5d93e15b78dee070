using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>
/// Any one class of a run with more classes than a grid has rows: drawn on request from a checkpoint, by the endpoint that the
/// gallery uses. Class and checkpoint are in the URL.
/// </summary>
public sealed partial class ClassSamples : IAsyncDisposable
{
    private const int Count = 32;

    private List<RunCheckpoint> _checkpoints = [];
    private ElementReference _root;
    private GalleryDrawing? _drawing;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required long RunId { get; set; }

    /// <summary>Its classes, in the order of their labels.</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<ClassChoice> Classes { get; set; }

    [SupplyParameterFromQuery]
    private int? Class { get; set; }

    [SupplyParameterFromQuery]
    private long? Checkpoint { get; set; }

    [Inject]
    private IRunStore Store { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync() => _checkpoints = [.. (await Store.CheckpointsAsync(RunId)).Reverse()];

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (Class is { } label && _checkpoints.Count > 0)
        {
            await (_drawing ??= new(Js)).DrawAsync(_root, new(RunId, Checkpoint, label, Classes.Count, 0, Count));
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _drawing?.DisposeAsync() ?? default;

    private void SetClass(int? value) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("class", value), replace: true);

    private void SetCheckpoint(long? id) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("checkpoint", id), replace: true);

    private string Name(long? checkpoint) =>
        checkpoint is null ? "best by distance, else newest"
        : _checkpoints.Find(c => c.Id == checkpoint) is { } found ? $"iteration {Format.Count(found.Iteration)}"
        : "no longer there";
}
