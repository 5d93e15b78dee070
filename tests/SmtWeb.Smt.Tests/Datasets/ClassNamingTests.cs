using SmtWeb.Data.Formats;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>Classes by number and by name, and where the two are mistaken for each other.</summary>
public sealed class ClassNamingTests
{
    // the order of folders 0 1 2 10 100
    private static readonly string[] Numbered = ["0", "1", "10", "100", "2"];

    [Theory]
    [InlineData("3", 3, false)]
    [InlineData(" cat ", 1, false)]
    [InlineData("CAT", 1, false)]
    [InlineData("name:cat", 1, false)]
    [InlineData("Großer Hund", 2, false)]
    public void Find_NumberOrName_IsTheClass(string text, int label, bool noted)
    {
        var (found, problem, note) = ClassNaming.Find(text, 4, ["ant", "cat", "Großer Hund", "owl"]);
        Assert.Equal((label, null, noted), (found, problem, note is not null));
    }

    [Theory]
    [InlineData("2", 2)] // the number; another class is called so
    [InlineData("name:2", 4)]
    [InlineData("100", 3)] // no such number, so the name
    [InlineData("name:10", 2)]
    [InlineData("0", 0)]
    public void Find_NameThatIsANumber_IsToldApart(string text, int label) =>
        Assert.Equal(label, ClassNaming.Find(text, 5, Numbered).Label);

    [Fact]
    public void Find_NumberThatNamesAnother_SaysBoth()
    {
        var note = ClassNaming.Find("2", 5, Numbered).Note!;
        Assert.Contains("2 (10)", note);
        Assert.Contains("4 (2)", note);
        Assert.Contains("name:2", note);
        Assert.Null(ClassNaming.Find("1", 5, Numbered).Note);
        Assert.Null(ClassNaming.Find("name:2", 5, Numbered).Note);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("-1")]
    [InlineData("1.0")]
    [InlineData("")]
    [InlineData("name:")]
    [InlineData("name:3")]
    [InlineData("99999999999999999999")]
    public void Find_NoSuchClass_NamesThoseThereAre(string text)
    {
        var (label, problem, _) = ClassNaming.Find(text, 5, Numbered);
        Assert.Null(label);
        Assert.Contains("5 classes", problem);
        Assert.Contains("2 (10)", problem);
    }

    [Fact]
    public void Find_NameOfTwo_WantsTheNumber()
    {
        var (label, problem, _) = ClassNaming.Find("crane", 3, ["crane", "maillot", "crane"]);
        Assert.Null(label);
        Assert.Contains("0, 2", problem);
    }

    [Fact]
    public void Match_ByNameWhereBothHaveThem_ElseByNumber()
    {
        Assert.Equal([-1, 0, 1, 2], ClassNaming.Match(4, ["1", "10", "2", "apple"], 4, ["10", "2", "apple", "zebra"]));
        Assert.Equal([0, 1, 2], ClassNaming.Match(3, ["crane", "ant", "crane"], 3, ["crane", "ant", "crane"]));
        Assert.Equal([0, 1, -1], ClassNaming.Match(3, ["a", "b", "c"], 2, []));
        Assert.Equal([0, 1], ClassNaming.Match(2, [], 3, ["a", "b", "c"]));
    }

    [Fact]
    public void Difference_IsTheFirst()
    {
        Assert.Null(ClassNaming.Difference(["a", "b"], ["a", "b"]));
        Assert.Null(ClassNaming.Difference([], ["a", "b"]));
        Assert.Equal("class 1 is b there and c here", ClassNaming.Difference(["a", "b"], ["a", "c"]));
        Assert.Contains("2 classes there and 3 here", ClassNaming.Difference(["a", "b"], ["a", "b", "c"]));
    }

    [Fact]
    public void Notes_NamesThatAreOtherNumbers_ArePointedOut()
    {
        var note = Assert.Single(ClassNaming.Notes(Numbered));
        Assert.Equal((3, "2 (10)"), (note.Count, note.Example));
        Assert.Empty(ClassNaming.Notes(["0", "1", "2"]));
        Assert.Empty(ClassNaming.Notes(["000", "001", "002"]));
        Assert.Equal(3, Assert.Single(ClassNaming.Notes(["1", "2", "3", "x"])).Count);
        Assert.Empty(ClassNaming.Notes(["cat", "dog"]));
    }
}
