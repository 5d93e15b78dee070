namespace SmtWeb.Smt.Files;

/// <summary>
/// A line on the console that tells how far something is: rewritten in place on a terminal, lines of their own elsewhere.
/// Lines from other threads (<see cref="Say"/>) do not run into it.
/// </summary>
public sealed class StatusLine(TextWriter console, bool terminal)
{
    private readonly Lock writing = new();
    private int width;

    /// <summary>Shows <paramref name="text"/> in its place.</summary>
    public void Show(string text)
    {
        lock (writing)
        {
            if (terminal) console.Write("\r" + text.PadRight(width));
            else console.WriteLine(text);
            console.Flush();
            width = terminal ? text.Length : 0;
        }
    }

    /// <summary>Writes a line that stays; what is shown next stands below it.</summary>
    public void Say(string message)
    {
        lock (writing)
        {
            Remove();
            console.WriteLine(message);
            console.Flush();
        }
    }

    /// <summary>Leaves what is shown, and ends the line.</summary>
    public void End()
    {
        lock (writing)
        {
            if (width > 0) console.WriteLine();
            width = 0;
        }
    }

    /// <summary>Removes what is shown.</summary>
    public void Clear()
    {
        lock (writing) Remove();
    }

    private void Remove()
    {
        if (width > 0) console.Write("\r" + new string(' ', width) + "\r");
        width = 0;
    }
}
