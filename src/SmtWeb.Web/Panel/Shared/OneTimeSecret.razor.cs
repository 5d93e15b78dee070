using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>A key or a link that is shown once, with a button that copies it.</summary>
public sealed partial class OneTimeSecret
{
    private bool _copied;

    /// <summary>What is to be kept.</summary>
    [Parameter, EditorRequired]
    public required string Secret { get; set; }

    /// <summary>What it is, and what to do with it.</summary>
    [Parameter]
    public RenderFragment? ChildContent { get; set; }

    /// <summary>Classes of the notice.</summary>
    [Parameter]
    public string? Class { get; set; }

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    private async Task CopyAsync()
    {
        await using var page = await Js.InvokeAsync<IJSObjectReference>("import", "./js/page.js");
        _copied = await page.InvokeAsync<bool>("copy", Secret);
    }
}
