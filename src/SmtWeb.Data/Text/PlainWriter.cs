using System.Text;

namespace SmtWeb.Data.Text;

/// <summary>
/// A console on which nothing that others named can do more than be read: terminal escapes, changes of the direction of
/// writing and characters that are not seen are written out (<see cref="PlainText"/>). Line breaks and tabs, which the
/// program itself writes, stay; a foreign name is brought into one line where it is put into a message.
/// </summary>
public sealed class PlainWriter(TextWriter console) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => console.Encoding;

    /// <inheritdoc/>
    public override void Write(char value)
    {
        if (char.IsSurrogate(value))
        {
            console.Write(value); // half of a pair that comes character by character: only whole texts can be judged
            return;
        }

        console.Write(PlainText.ShowLines(value.ToString()));
    }

    /// <inheritdoc/>
    public override void Write(string? value) => console.Write(value is null ? null : PlainText.ShowLines(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    /// <inheritdoc/>
    public override void WriteLine(string? value) => console.WriteLine(value is null ? null : PlainText.ShowLines(value));

    /// <inheritdoc/>
    public override Task WriteAsync(string? value) => console.WriteAsync(value is null ? null : PlainText.ShowLines(value));

    /// <inheritdoc/>
    public override Task WriteLineAsync(string? value) => console.WriteLineAsync(value is null ? null : PlainText.ShowLines(value));

    /// <inheritdoc/>
    public override void Flush() => console.Flush();

    /// <inheritdoc/>
    public override Task FlushAsync() => console.FlushAsync();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            console.Flush();
        }

        base.Dispose(disposing);
    }
}
