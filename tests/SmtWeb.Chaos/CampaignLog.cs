using System.Diagnostics;
using System.Globalization;

namespace SmtWeb.Chaos;

/// <summary>Lines of a campaign with their time since it began.</summary>
public sealed class CampaignLog(Action<string> write) : IDisposable
{
    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly Lock _lock = new();
    private bool _closed;

    /// <summary>Writes a line.</summary>
    public void Say(string text)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                write(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_begin).TotalSeconds, 8:0.0} {text}"));
            }
        }
    }

    /// <summary>What is said later is not written.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
        }
    }
}
