using System.Diagnostics;
using SmtWeb.Smt.Session;

namespace SmtWeb.Benchmarks;

/// <summary>
/// A journal that keeps nothing and looks at the clock: the session asks for its signal once per iteration, so the
/// time between two questions is an iteration as a user has it, data loading and draws included.
/// </summary>
internal sealed class BenchmarkJournal(int iterations, Action<int>? atIteration = null) : ITrainingJournal
{
    private readonly long[] _times = new long[iterations + 1];
    private readonly TimeSpan[] _cpu = new TimeSpan[iterations + 1];
    private int _asked;

    public TrainingSignal Signal
    {
        get
        {
            if (_asked > iterations)
            {
                return TrainingSignal.Abandon;
            }
            atIteration?.Invoke(_asked);
            _cpu[_asked] = Environment.CpuUsage.TotalTime;
            _times[_asked++] = Stopwatch.GetTimestamp();
            return _asked > iterations ? TrainingSignal.Abandon : TrainingSignal.Continue;
        }
    }

    /// <summary>Seconds from iteration <paramref name="first"/> to the last.</summary>
    public double SecondsFrom(int first) =>
        _asked > iterations
            ? Stopwatch.GetElapsedTime(_times[first], _times[iterations]).TotalSeconds
            : throw new InvalidOperationException($"The session ended after {_asked} of {iterations} iterations.");

    /// <summary>Seconds that this process spent on the cores meanwhile: what other processes do to the machine does not count.</summary>
    public double CpuSecondsFrom(int first) => (_cpu[iterations] - _cpu[first]).TotalSeconds;

    /// <summary>What the iterations from <paramref name="first"/> to <paramref name="last"/>, without it, took together.</summary>
    public Cost Between(int first, int last) =>
        new(Stopwatch.GetElapsedTime(_times[first], _times[last]).TotalMilliseconds, (_cpu[last] - _cpu[first]).TotalMilliseconds);

    public void Metrics(IReadOnlyList<MetricPoint> points) { }

    public void Picture(PictureRecord picture) { }

    public void Evaluation(EvaluationRecord evaluation) { }

    public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write) => write(Stream.Null);

    public Stream OpenTeacher(string teacher) => throw new NotSupportedException("Benchmarks of whole sessions distil nothing.");

    public void Log(LogLevel level, string message)
    {
        if (level != LogLevel.Information)
        {
            Console.WriteLine($"  {level}: {message}");
        }
    }
}
