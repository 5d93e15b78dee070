using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Runs;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>The spec that a run was made with, what differs from its preset, and its attempts.</summary>
public sealed partial class ConfigTab
{
    private static readonly string[] NoColumns = [];

    private string _json = "";
    private bool _copied;
    private Preset? _preset;
    private IReadOnlyList<string> _columns = NoColumns;
    private IReadOnlyList<SpecDifference> _differences = [];

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required RunDetail Run { get; set; }

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        _json = SpecJson.Write(Run.Spec);
        _preset = Run.Summary.Preset is { } name ? Presets.Find(name) : null;
        if (_preset is not null)
        {
            _columns = ["Preset now", "This run"];
            _differences = SpecDiff.Compare([_preset.Spec, Run.Spec]);
        }
    }

    private async Task CopyAsync()
    {
        await using var page = await Js.InvokeAsync<IJSObjectReference>("import", "./js/page.js");
        _copied = await page.InvokeAsync<bool>("copy", _json);
    }
}
