using System.Diagnostics;
using SmtWeb.Data.Settings;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;

namespace SmtWeb.Worker.Evaluation;

/// <summary>
/// The process that measures a data set for neighbours: <c>smtweb neighbours --job</c>. A process of its own with less
/// priority: pages stay quick, and what a hostile image brings down is not the panel.
/// </summary>
public static class NeighbourCommand
{
    private const int Ok = 0,
        Failed = 1;
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(250);

    /// <summary>Measures what the first line of <paramref name="node"/> asks for; ends when that pipe does.</summary>
    public static async Task<int> RunAsync(Stream node, TextWriter output)
    {
        using var input = new StreamReader(node);
        var job = NeighbourJob.Read(await input.ReadLineAsync());
        using var stop = new CancellationTokenSource();
        _ = Task.Run(async () =>
        {
            while (await input.ReadLineAsync() is not null) { }

            await stop.CancelAsync();
        });
        try
        {
            var path = await Task.Factory.StartNew(() => Measure(job, output, stop.Token), TaskCreationOptions.LongRunning);
            WriteLine(output, new NeighbourEvent(null, 0, 0, path, null));
            return Ok;
        }
        catch (Exception e)
            when (e
                    is IOException
                        or InvalidDataException
                        or UnauthorizedAccessException
                        or ArgumentException
                        or InvalidOperationException
                        or SpecException
            )
        {
            WriteLine(output, new NeighbourEvent(null, 0, 0, null, e is SpecException spec ? spec.Errors[0].Message : e.Message));
            return Failed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Failed;
        }
    }

    private static string Measure(NeighbourJob job, TextWriter output, CancellationToken ct)
    {
        FeatureNetworks.Prepare(job.Threads);
        var cache = Path.Combine(job.MetricsFolder, "cache");
        var last = long.MinValue;
        using var images = EvaluationImages.Of(job.Data, cache);
        using var network = FeatureNetworks.Open(FeatureNetworks.Default(images), job.MetricsFolder);
        return NeighbourIndexWriter.Write(
            images,
            network,
            cache,
            progress =>
            {
                if (last != long.MinValue && progress.Done < progress.Total && Stopwatch.GetElapsedTime(last) < Between)
                {
                    return;
                }
                last = Stopwatch.GetTimestamp();
                WriteLine(output, NeighbourEvent.Of(progress));
            },
            ct
        );
    }

    private static void WriteLine(TextWriter output, NeighbourEvent line)
    {
        output.WriteLine(line.Write());
        output.Flush();
    }
}
