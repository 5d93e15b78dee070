using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.JSInterop;
using MudBlazor;
using SmtWeb.Runs;
using SmtWeb.Smt.Session;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>What everyone wants to know of a run first: state and why, progress, time left, distance, and what can be done.</summary>
public sealed partial class RunHeader
{
    // The trainer's lease is renewed every few seconds; silence of this length is worth telling.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private string? _refusal;
    private bool _renaming;
    private bool _focus;
    private string _name = "";
    private MudTextField<string>? _nameField;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required RunDetail Run { get; set; }

    /// <summary>The time of this rendering.</summary>
    [Parameter]
    public DateTimeOffset Now { get; set; }

    [CascadingParameter]
    private Task<AuthenticationState> Authentication { get; set; } = default!;

    [Inject]
    private RunCommands Commands { get; set; } = default!;

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    private RunSummary Summary => Run.Summary;

    private string? Exploded => Explosion.Describe(Summary.Distance, Summary.BestDistance);

    private double? HeartbeatLostFor =>
        Summary.State is RunState.Running or RunState.Stopping && Run.LastHeartbeat is { } beat && Now - beat > Silence
            ? (Now - beat).TotalSeconds
            : null;

    private string Left =>
        Summary.Iteration == 0 || Summary.Seconds <= 0
            ? "–"
            : "≈ " + Format.Duration(Summary.Seconds / Summary.Iteration * (Summary.TotalIterations - Summary.Iteration));

    private string Attempts =>
        string.Join(
            "\n",
            Run.Attempts.Select(a =>
                $"Attempt {a.Number} on {a.Worker}: iterations {Format.Count(a.FirstIteration)} to "
                + $"{(a.LastIteration is { } last ? Format.Count(last) : "now")}{(a.Outcome is null ? "" : $", {a.Outcome}")}"
            )
        );

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync() => _refusal = Commands.Refusal(Summary, (await Authentication).User);

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_focus && _nameField is not null)
        {
            _focus = false;
            await _nameField.SelectAsync();
            await _nameField.FocusAsync();
        }
    }

    private void StartRenaming()
    {
        _name = Summary.Name;
        _renaming = _focus = true;
    }

    private async Task RenameAsync()
    {
        if (_name.Trim() is { Length: > 0 } name && (name == Summary.Name || await Commands.RenameAsync(Summary, name)))
        {
            await EndRenamingAsync();
        }
    }

    // the button that began it is there again, and has the focus again
    private async Task EndRenamingAsync()
    {
        _renaming = false;
        StateHasChanged();
        await using var page = await Js.InvokeAsync<IJSObjectReference>("import", "./js/page.js");
        await page.InvokeVoidAsync("focus", "rename");
    }
}
