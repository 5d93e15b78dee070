namespace SmtWeb.Data.Files;

/// <summary>
/// A line on the console that tells how far something is: rewritten in place on a terminal, lines of their own elsewhere.
/// Lines from other threads (<see cref="Say"/>) do not run into it.
/// </summary>
public sealed class StatusLine(TextWriter console, bool terminal)
{
    private readonly Lock _writing = new();
    private int _width;

    /// <summary>Shows <paramref name="text"/> in its place.</summary>
    public void Show(string text)
    {
        lock (_writing)
        {
            if (terminal)
            {
                console.Write("\r" + text.PadRight(_width));
            }
            else
            {
                console.WriteLine(text);
            }
            console.Flush();
            _width = terminal ? text.Length : 0;
        }
    }

    /// <summary>Writes a line that stays; what is shown next stands below it.</summary>
    public void Say(string message)
    {
        lock (_writing)
        {
            Remove();
            console.WriteLine(message);
            console.Flush();
        }
    }

    /// <summary>Leaves what is shown, and ends the line.</summary>
    public void End()
    {
        lock (_writing)
        {
            if (_width > 0)
            {
                console.WriteLine();
            }
            _width = 0;
        }
    }

    /// <summary>Removes what is shown.</summary>
    public void Clear()
    {
        lock (_writing)
        {
            Remove();
        }
    }

    private void Remove()
    {
        if (_width > 0)
        {
            console.Write("\r" + new string(' ', _width) + "\r");
        }
        _width = 0;
    }
}
