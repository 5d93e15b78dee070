using System.Diagnostics;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Session;

/// <summary>A process that trains as rank 1, 2, … of another's run; it writes nothing.</summary>
public static class RankProcess
{
    /// <summary>What it says when it is about to meet the other ranks.</summary>
    internal const string Ready = "rank ready";

    /// <summary>
    /// Trains as <paramref name="rank"/> of <paramref name="size"/> ranks that meet at <paramref name="meet"/> (HOST:PORT).
    /// The spec is the first line of <paramref name="parent"/>, and <paramref name="output"/> tells it when to meet; when that ends, this
    /// process is ended at once: its rank 0 is gone.
    /// </summary>
    /// <exception cref="ArgumentException">The meeting point is not HOST:PORT.</exception>
    /// <exception cref="SpecException">The first line is no spec.</exception>
    public static TrainingResult Run(TextReader parent, TextWriter output, int rank, int size, string meet, int threads)
    {
        var colon = meet.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(meet.AsSpan(colon + 1), out var port))
        {
            throw new ArgumentException($"'{meet}' is not HOST:PORT.", nameof(meet));
        }
        var (spec, errors) = SpecJson.Parse(parent.ReadLine() ?? "");
        if (spec is null)
        {
            throw new SpecException(errors);
        }
        var over = false;
        // a stuck exchange heeds nothing: the process ends itself
        new Thread(() =>
        {
            while (parent.ReadLine() is not null) { }
            if (!Volatile.Read(ref over))
            {
                Process.GetCurrentProcess().Kill();
            }
        })
        {
            IsBackground = true,
            Name = "rank 0 watch",
        }.Start();
        output.WriteLine(Ready);
        output.Flush();
        var result = TrainingSession.RunRank(spec, new SilentJournal(), null, threads, meet[..colon], port, rank, size);
        Volatile.Write(ref over, true);
        return result;
    }
}

/// <summary>The journal of a rank that does not report.</summary>
internal sealed class SilentJournal : ITrainingJournal
{
    public TrainingSignal Signal => TrainingSignal.Continue;

    public void Metrics(IReadOnlyList<MetricPoint> points) { }

    public void Picture(PictureRecord picture) { }

    public void Evaluation(EvaluationRecord evaluation) { }

    public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write) { }

    public Stream OpenTeacher(string teacher) => throw new InvalidOperationException("Rank 0 alone reads the teacher and shares it.");

    public void Log(LogLevel level, string message) { }
}
