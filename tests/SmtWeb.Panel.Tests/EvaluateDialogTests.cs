using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;
using SmtWeb.Web.Panel.Run;

namespace SmtWeb.Panel.Tests;

/// <summary>The choice of a protocol for a checkpoint.</summary>
public sealed class EvaluateDialogTests : IAsyncLifetime
{
    private readonly BunitContext _context = new();

    public ValueTask InitializeAsync()
    {
        _context.JSInterop.Mode = JSRuntimeMode.Loose;
        _context.Services.AddMudServices();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Dialog_OfAOneStepGenerator_AnswersWithTheProtocolAndAsksForNoSteps()
    {
        var (page, answer) = await ShowAsync([1]);
        Assert.Empty(page.FindAll(".mud-toggle-group"));
        page.FindAll("button").Single(b => b.TextContent.Contains("full-10k")).Click();
        Assert.Equal("full-10k", await answer.GetReturnValueAsync<string>());
    }

    [Fact]
    public async Task Dialog_OfAFewStepGenerator_NamesTheStepsInTheProtocol()
    {
        var (page, answer) = await ShowAsync([1, 2]);
        page.FindAll("[aria-label='Steps per image'] button").Single(b => b.TextContent.Trim() == "2").Click();
        page.FindAll("button").Single(b => b.TextContent.Contains("quick")).Click();
        Assert.Equal("quick-2-steps", await answer.GetReturnValueAsync<string>());
    }

    [Fact]
    public async Task Dialog_NotNow_AnswersNothing()
    {
        var (page, answer) = await ShowAsync([1]);
        page.FindAll("button").Single(b => b.TextContent.Contains("Not now")).Click();
        Assert.Null(await answer.GetReturnValueAsync<string>());
    }

    private async Task<(IRenderedComponent<MudDialogProvider> Page, IDialogReference Answer)> ShowAsync(IReadOnlyList<int> steps)
    {
        _context.Render<MudPopoverProvider>();
        var page = _context.Render<MudDialogProvider>();
        IDialogReference? answer = null;
        await page.InvokeAsync(async () =>
            answer = await _context
                .Services.GetRequiredService<IDialogService>()
                .ShowAsync<EvaluateDialog>("Evaluate iteration 400", new DialogParameters<EvaluateDialog> { { d => d.Steps, steps } })
        );
        return (page, answer!);
    }
}
