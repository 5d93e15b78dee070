using System.Diagnostics;
using System.Globalization;

namespace SmtWeb.Web.Commands;

/// <summary>
/// How far a file is, on the error output: rewritten in place on a terminal, one line every 10 s elsewhere, so that a
/// short job in a script says nothing.
/// </summary>
internal sealed class ByteProgress(string what, long total) : IProgress<long>, IDisposable
{
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private readonly long _began = Stopwatch.GetTimestamp();
    private long _shown = Stopwatch.GetTimestamp();
    private int _width;

    /// <inheritdoc/>
    public void Report(long value)
    {
        if (Stopwatch.GetElapsedTime(_shown) < TimeSpan.FromSeconds(_terminal ? 0.2 : 10))
        {
            return;
        }

        _shown = Stopwatch.GetTimestamp();
        var rate = value / Math.Max(Stopwatch.GetElapsedTime(_began).TotalSeconds, 1e-3);
        var text = string.Create(CultureInfo.InvariantCulture, $"{what} {value >> 20} of {total >> 20} MiB ({100.0 * value / Math.Max(1, total):F0} %) · {rate / (1 << 20):F0} MiB/s");
        if (_terminal)
        {
            Console.Error.Write("\r" + text.PadRight(_width));
            _width = text.Length;
        }
        else
        {
            Console.Error.WriteLine(text);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_width > 0)
        {
            Console.Error.Write("\r" + new string(' ', _width) + "\r");
        }
    }
}
