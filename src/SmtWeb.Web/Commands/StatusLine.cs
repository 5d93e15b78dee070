using System.Diagnostics;

namespace SmtWeb.Web.Commands;

/// <summary>
/// How far a command is, on standard error: one line that changes on a terminal, a line every 10 s elsewhere, so that a short
/// job in a script says nothing.
/// </summary>
internal sealed class StatusLine : IDisposable
{
    private static readonly TimeSpan TerminalEvery = TimeSpan.FromMilliseconds(200), FileEvery = TimeSpan.FromSeconds(10);
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private long _shown = Stopwatch.GetTimestamp();
    private int _width;

    /// <summary>Shows what <paramref name="text"/> makes, unless it was shown a moment ago.</summary>
    internal void Show(Func<string> text)
    {
        if (Stopwatch.GetElapsedTime(_shown) < (_terminal ? TerminalEvery : FileEvery))
        {
            return;
        }

        _shown = Stopwatch.GetTimestamp();
        if (_terminal)
        {
            var line = text();
            Console.Error.Write("\r" + line.PadRight(_width));
            _width = Math.Max(_width, line.Length);
        }
        else
        {
            Console.Error.WriteLine(text());
        }
    }

    /// <summary>Removes the line.</summary>
    internal void Clear()
    {
        if (_width > 0)
        {
            Console.Error.Write("\r" + new string(' ', _width) + "\r");
        }

        _width = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();
}
