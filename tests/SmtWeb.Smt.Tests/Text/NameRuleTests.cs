using SmtWeb.Data.Text;

namespace SmtWeb.Smt.Tests.Text;

/// <summary>Names that people give, and names of others that are shown.</summary>
public sealed class NameRuleTests
{
    [Theory]
    [InlineData("Swiss roll, 2nd try (σ = 0.5)")]
    [InlineData("Zürich")]
    [InlineData("東京")]
    [InlineData("run-🚀")]
    [InlineData("x")]
    [InlineData("e\u0301")] // e and a combining accent
    public void Name_ThatIsSeen_IsAllowed(string name) => Assert.Null(NameRule.Problem(name, 100));

    [Theory]
    [InlineData("", "1 to 10")]
    [InlineData("   ", "1 to 10")]
    [InlineData("12345678901", "11 characters")]
    [InlineData("a\u202eb", "U+202E")] // right-to-left override
    [InlineData("a\u2066b", "U+2066")] // isolate
    [InlineData("a\u200fb", "U+200F")] // right-to-left mark
    [InlineData("a\u200bb", "U+200B")] // zero width space
    [InlineData("a\u200db", "U+200D")] // zero width joiner
    [InlineData("a\ufeffb", "U+FEFF")]
    [InlineData("a\u00adb", "U+00AD")] // soft hyphen
    [InlineData("a\u3164b", "U+3164")] // Hangul filler
    [InlineData("a\u2800b", "U+2800")] // empty Braille
    [InlineData("a\ufe0fb", "U+FE0F")] // variation selector
    [InlineData("a\U000E0041b", "U+E0041")] // tag
    [InlineData("a\u2028b", "U+2028")]
    [InlineData("a\nb", "U+000A")]
    [InlineData("a\tb", "U+0009")]
    [InlineData("a\u001b[2J", "U+001B")]
    [InlineData("a\u009b2J", "U+009B")] // the same in one character
    [InlineData("a\0b", "U+0000")]
    [InlineData("a\u00a0b", "U+00A0")]
    [InlineData("a\u3000b", "U+3000")]
    [InlineData("a\ue000b", "U+E000")] // private use: nobody knows what is seen
    public void Name_WithWhatIsNotSeen_IsRefusedAndSaysWhat(string name, string says) => Assert.Contains(says, NameRule.Problem(name, 10));

    [Fact]
    public void Name_WithHalfACharacter_IsRefused()
    {
        // attributes hold no lone surrogates
        foreach (var name in new[] { "a\ud800b", "\udc00", "ab\ud83d", "\udc00\ud800" })
        {
            Assert.Contains("half", NameRule.Problem(name, 10));
        }

        Assert.Equal("half\ufffd", PlainText.Show("half\ud800"));
    }

    [Theory]
    [InlineData("plain ünï 東京 🚀", "plain ünï 東京 🚀")]
    [InlineData("a\u001b[31mred", "a\\u{1B}[31mred")]
    [InlineData("one\ntwo\r\n", "one\\u{A}two\\u{D}\\u{A}")]
    [InlineData("gpj\u202etxt", "gpj\\u{202E}txt")]
    [InlineData("a\u009b2J", "a\\u{9B}2J")]
    [InlineData("tab\t", "tab\\u{9}")]
    public void Show_NameOfAnother_IsOneLineThatCommandsNothing(string name, string shown) => Assert.Equal(shown, PlainText.Show(name));

    [Fact]
    public void ShowLines_OwnMessage_KeepsItsLinesAndNothingElse() =>
        Assert.Equal("one\ntwo\t\\u{1B}[2J\r", PlainText.ShowLines("one\ntwo\t\u001b[2J\r"));

    [Fact]
    public void Writer_WhateverIsWritten_LetsNoEscapeThrough()
    {
        using var console = new StringWriter();
        using var writer = new PlainWriter(console) { NewLine = "\n" };
        writer.Write("a\u001bb");
        writer.Write('\u001b');
        writer.Write("c\u001bd".ToCharArray());
        writer.Write("e\u001bf".AsSpan());
        writer.Write("{0}", "g\u001bh");
        writer.WriteLine((object)"i\u001bj");
        writer.WriteLine("k\u202el");
        writer.Write(12.5);
        writer.Write("🚀");
        Assert.DoesNotContain('\u001b', console.ToString());
        Assert.DoesNotContain('\u202e', console.ToString());
        Assert.EndsWith("12.5🚀", console.ToString());
        Assert.Equal(6, console.ToString().Split("\\u{1B}").Length - 1);
    }

    [Fact]
    public async Task Writer_Asynchronously_LetsNoEscapeThrough()
    {
        using var console = new StringWriter();
        await using var writer = new PlainWriter(console);
        await writer.WriteAsync("a\u001bb");
        await writer.WriteLineAsync("c\u001bd");
        await writer.WriteAsync("e\u001bf".AsMemory(), TestContext.Current.CancellationToken);
        await writer.WriteLineAsync("g\u001bh".ToCharArray());
        Assert.Equal(4, console.ToString().Split("\\u{1B}").Length - 1);
        Assert.DoesNotContain('\u001b', console.ToString());
    }
}
