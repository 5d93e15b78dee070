using System.Diagnostics;
using SmtWeb.Data.Files;

namespace SmtWeb.Web.Cli;

/// <summary>
/// How far a command is, on standard error: at most five times a second on a terminal, every 10 s elsewhere, so that a short
/// job in a script says nothing.
/// </summary>
internal sealed class ErrorLine : IDisposable
{
    private static readonly TimeSpan Every = Console.IsErrorRedirected ? TimeSpan.FromSeconds(10) : TimeSpan.FromMilliseconds(200);
    private readonly StatusLine _line = new(Console.Error, terminal: !Console.IsErrorRedirected);
    private long _shown = Stopwatch.GetTimestamp();

    /// <summary>Shows what <paramref name="text"/> makes, unless it was shown a moment ago.</summary>
    internal void Show(Func<string> text)
    {
        if (Stopwatch.GetElapsedTime(_shown) < Every)
        {
            return;
        }

        _shown = Stopwatch.GetTimestamp();
        _line.Show(text());
    }

    /// <summary>Removes the line.</summary>
    internal void Clear() => _line.Clear();

    /// <inheritdoc/>
    public void Dispose() => Clear();
}
