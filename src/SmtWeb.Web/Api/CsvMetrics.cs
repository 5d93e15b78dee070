using System.Globalization;
using System.Text;
using SmtWeb.Runs;

namespace SmtWeb.Web.Api;

/// <summary>The curves of a run as CSV (RFC 4180), streamed page by page, so that a long run costs no memory.</summary>
internal static class CsvMetrics
{
    private const int PageSize = 20_000;

    internal static IResult Stream(IRunStore runs, long id, long after, bool superseded) =>
        TypedResults.Stream(
            async output =>
            {
                await using var writer = new StreamWriter(
                    output,
                    new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
                    bufferSize: 1 << 16
                )
                {
                    NewLine = "\r\n",
                };
                await writer.WriteLineAsync("sequence,attempt,name,iteration,images_seen,seconds,value,superseded");
                while (true)
                {
                    var page = await runs.MetricsAsync(id, after, PageSize, superseded);
                    foreach (var p in page.Points)
                    {
                        await writer.WriteLineAsync(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"{p.Sequence},{p.Attempt},{Quote(p.Name)},{p.Iteration},{p.ImagesSeen},{p.Seconds:R},{p.Value:R},{(p.Superseded ? "true" : "false")}"
                            )
                        );
                    }

                    if (page.Points.Count < PageSize)
                    {
                        return;
                    }

                    after = page.LastSequence;
                }
            },
            "text/csv; charset=utf-8",
            $"run-{id}-metrics.csv"
        );

    private static string Quote(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"")}\"";
}
