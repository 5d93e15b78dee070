using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>The corner of a run's newest sample grid, pixel for pixel.</summary>
public sealed partial class RunThumbnail
{
    private long? _loaded;
    private RunPicture? _found;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required long RunId { get; set; }

    /// <summary>The picture, where the page knows it.</summary>
    [Parameter]
    public RunPicture? Picture { get; set; }

    /// <summary>The page has asked for pictures already: where it gives none, there is none.</summary>
    [Parameter]
    public bool Known { get; set; }

    [Inject]
    private IRunTable Table { get; set; } = default!;

    private RunPicture? Shown => Known ? Picture : _found;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (Known || _loaded == RunId)
        {
            return;
        }

        _loaded = RunId;
        _found = (await Table.NewestPicturesAsync([RunId])).GetValueOrDefault(RunId);
    }
}
