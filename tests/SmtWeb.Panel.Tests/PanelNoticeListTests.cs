using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Panel.Tests;

/// <summary>The sentences in the corner of the page.</summary>
public sealed class PanelNoticeListTests : IAsyncLifetime
{
    private readonly BunitContext _context = new();

    public ValueTask InitializeAsync()
    {
        _context.JSInterop.Mode = JSRuntimeMode.Loose;
        _context.Services.AddMudServices();
        _context.Services.AddSingleton(TimeProvider.System).AddScoped<PanelNotices>();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public void Notices_OfEachKind_AreShownWithoutAStyleElement()
    {
        var list = _context.Render<PanelNoticeList>();
        var notices = _context.Services.GetRequiredService<PanelNotices>();
        notices.Done("It pauses.");
        notices.Refused("it has ended.");
        notices.Failed("Not with your role.");
        list.WaitForAssertion(() => Assert.Equal(3, list.FindAll(".mud-alert").Count));
        Assert.Contains("Not done: it has ended.", list.Markup);
        Assert.DoesNotContain("<style", list.Markup); // the policy of the pages refuses them (ADR 31)
        // the first after a glance
        list.WaitForAssertion(() => Assert.Equal(2, list.FindAll(".mud-alert").Count), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Undo_Clicked_TakesItBackAndTheNoticeAway()
    {
        var list = _context.Render<PanelNoticeList>();
        var undone = 0;
        _context
            .Services.GetRequiredService<PanelNotices>()
            .Done(
                "In the trash.",
                () =>
                {
                    undone++;
                    return Task.CompletedTask;
                }
            );
        list.WaitForElement("button:contains('Undo')").Click();
        list.WaitForAssertion(() => Assert.Empty(list.FindAll(".mud-alert")));
        Assert.Equal(1, undone);
    }

    [Fact]
    public void Notices_ManyAtOnce_AreFourAtMost()
    {
        var list = _context.Render<PanelNoticeList>();
        var notices = _context.Services.GetRequiredService<PanelNotices>();
        for (var k = 0; k < 6; k++)
        {
            notices.Failed($"Number {k}.");
        }

        list.WaitForAssertion(() => Assert.Equal(4, list.FindAll(".mud-alert").Count));
        Assert.Contains("Number 5.", list.Markup);
    }
}
