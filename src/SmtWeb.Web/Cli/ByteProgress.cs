using System.Diagnostics;
using System.Globalization;

namespace SmtWeb.Web.Cli;

/// <summary>How far a file is.</summary>
internal sealed class ByteProgress(string what, long total) : IProgress<long>, IDisposable
{
    private readonly ErrorLine _line = new();
    private readonly long _began = Stopwatch.GetTimestamp();

    /// <inheritdoc/>
    public void Report(long value) =>
        _line.Show(() =>
        {
            var rate = value / Math.Max(Stopwatch.GetElapsedTime(_began).TotalSeconds, 1e-3);
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{what} {value >> 20} of {total >> 20} MiB ({100.0 * value / Math.Max(1, total):F0} %) · {rate / (1 << 20):F0} MiB/s"
            );
        });

    /// <inheritdoc/>
    public void Dispose() => _line.Dispose();
}
