using System.Security.Claims;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;
using MudBlazor;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Layout;

/// <summary>The frame of every page: navigation (a drawer on narrow screens), who is signed in, whether the page is live.</summary>
public sealed partial class MainLayout : IDisposable
{
    // Beside the page where there is room for it; on narrow screens the component closes it at the first rendering.
    private bool _drawerOpen = true;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    [Inject]
    private TimeProvider Clock { get; set; } = default!;

    [Inject]
    private IBrowserViewportService Viewport { get; set; } = default!;

    [CascadingParameter]
    private BrowserTime Time { get; set; } = BrowserTime.Utc;

    private bool IsNewRun => Navigation.ToBaseRelativePath(Navigation.Uri).StartsWith("runs/new", StringComparison.Ordinal);

    // the <base> element would turn a bare #content into the start page
    private string SkipTarget => "/" + Navigation.ToBaseRelativePath(Navigation.Uri).Split('#')[0] + "#content";

    /// <inheritdoc/>
    protected override void OnInitialized() => Navigation.LocationChanged += OnNavigated;

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (firstRender)
        {
            await using var connection = await Js.InvokeAsync<IJSObjectReference>("import", "./js/connection.js");
            await connection.InvokeVoidAsync("live");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Navigation.LocationChanged -= OnNavigated;

    private static string RoleOf(ClaimsPrincipal user) => string.Join(", ", user.FindAll(ClaimTypes.Role).Select(c => c.Value));

    private void ToggleDrawer() => _drawerOpen = !_drawerOpen;

    private Task OnKey(KeyboardEventArgs e) => e.Key == "Escape" ? CloseOverAsync() : Task.CompletedTask;

    private void OnNavigated(object? sender, LocationChangedEventArgs e) =>
        _ = InvokeAsync(async () =>
        {
            await CloseOverAsync();
            StateHasChanged();
        });

    // Over the page the drawer has done its work; beside it, it stays.
    private async Task CloseOverAsync()
    {
        if (_drawerOpen && await Viewport.GetCurrentBreakpointAsync() is Breakpoint.Xs or Breakpoint.Sm)
        {
            _drawerOpen = false;
        }
    }
}
