using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Smt.Training;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>The corner of a run's newest sample grid, pixel for pixel.</summary>
public sealed partial class RunThumbnail
{
    private (long RunId, int Version)? _loaded;
    private RunPicture? _picture;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public required long RunId { get; set; }

    /// <summary>Rises when there may be a newer picture.</summary>
    [Parameter] public int Version { get; set; }

    [Inject] private IRunStore Store { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_loaded == (RunId, Version))
        {
            return;
        }

        _loaded = (RunId, Version);
        _picture = (await Store.PicturesAsync(RunId)).LastOrDefault(p => p.Kind is PictureKind.Samples or PictureKind.Scatter);
    }
}
