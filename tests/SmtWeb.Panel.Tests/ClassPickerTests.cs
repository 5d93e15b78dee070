using MudBlazor;
using MudBlazor.Services;
using SmtWeb.Data.Formats;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Panel.Tests;

/// <summary>The picker of one class among a thousand.</summary>
public sealed class ClassPickerTests : IAsyncLifetime
{
    private static readonly IReadOnlyList<ClassChoice> ImageNet = ClassChoice.Of(ImageNetClasses.Names, imageNet: true);

    private readonly BunitContext _context = new();

    public ValueTask InitializeAsync()
    {
        _context.JSInterop.Mode = JSRuntimeMode.Loose;
        _context.Services.AddMudServices();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Theory]
    [InlineData("7", 7)] // the number itself before numbers that contain it
    [InlineData("n02099601", 207)]
    [InlineData("golden retr", 207)]
    [InlineData("shark WHITE", 2)]
    public void Search_ByNumberIdOrWords_HasTheOneThatIsMeantFirst(string text, int label) =>
        Assert.Equal(label, ClassChoice.Search(ImageNet, text)[0].Index);

    [Theory]
    [InlineData(207, "golden retriever", "207 · golden retriever")]
    [InlineData(3, "3", "3")]
    [InlineData(3, "", "3")]
    [InlineData(2, "10", "2 · 10")] // a folder named by another number than its own says so
    [InlineData(0, "a\u202Eb", "0 · a[U+202E]b")]
    public void Numbered_OfAName_ShowsBothUnlessTheyAreOne(int index, string name, string shown) =>
        Assert.Equal(shown, ClassChoice.Numbered(index, name));

    [Fact]
    public void Picker_OfAThousand_RendersFiftyAndSaysHowManyMore()
    {
        var (picker, popovers) = Render(null);
        Open(picker);
        popovers.WaitForAssertion(() => Assert.Equal(50, popovers.FindAll("[role=option]").Count));
        Assert.Contains("950 more", popovers.Markup);
    }

    [Fact]
    public void Picker_WithAClassChosen_ShowsItsTextAndListsAllWhenOpened()
    {
        var (picker, popovers) = Render(207);
        Assert.Equal("207 · golden retriever · n02099601", picker.Find("input").GetAttribute("value"));
        Open(picker);
        popovers.WaitForAssertion(() => Assert.Contains("950 more", popovers.Markup));
    }

    [Fact]
    public void Picker_TypedAndClicked_TellsTheClassOnce()
    {
        var told = new List<int?>();
        var (picker, popovers) = Render(null, told.Add);
        Open(picker);
        picker.Find("input").Input("tench");
        popovers.WaitForAssertion(() => Assert.Single(popovers.FindAll("[role=option]")));
        popovers.Find("[role=option]").Click();
        picker.WaitForAssertion(() => Assert.Equal(new int?[] { 0 }, told));
    }

    [Fact]
    public void Picker_Cleared_MeansEveryClass()
    {
        var told = new List<int?>();
        var (picker, _) = Render(207, told.Add);
        picker.Find("button[aria-label=Clear]").Click();
        picker.WaitForAssertion(() => Assert.Contains((int?)null, told));
    }

    [Fact]
    public void Picker_WhereOneMustBeChosen_HasNothingToClearItWith()
    {
        var picker = _context.Render<ClassPicker>(p => p.Add(x => x.Classes, ImageNet).Add(x => x.Value, 207).Add(x => x.AllowNone, false));
        Assert.Empty(picker.FindAll("button[aria-label=Clear]"));
    }

    private static void Open(IRenderedComponent<ClassPicker> picker) => picker.Find(".mud-input-control").MouseDown();

    private (IRenderedComponent<ClassPicker> Picker, IRenderedComponent<MudPopoverProvider> Popovers) Render(
        int? value,
        Action<int?>? told = null
    )
    {
        var popovers = _context.Render<MudPopoverProvider>();
        return (
            _context.Render<ClassPicker>(p =>
                p.Add(x => x.Classes, ImageNet).Add(x => x.Value, value).Add(x => x.ValueChanged, v => told?.Invoke(v))
            ),
            popovers
        );
    }
}
