using System.Buffers.Binary;
using System.Diagnostics;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.TestTrainer;

/// <summary>What goes wrong; a spec's seed chooses it.</summary>
public enum Trouble
{
    /// <summary>Nothing.</summary>
    None = 1,

    /// <summary>The process kills itself at once.</summary>
    Crash = 2,

    /// <summary>Out of memory at once.</summary>
    OutOfMemory = 3,

    /// <summary>Checkpoints of 12 MiB, to fill a small disk.</summary>
    LargeCheckpoints = 4,

    /// <summary>No counting: the real session, on libtorch.</summary>
    Real = 5,

    /// <summary>From iteration 50 on the numbers are not finite.</summary>
    NotFinite = 6,
}

/// <summary>Counts iterations as a session does: a point each, checkpoints, signals, and going on from a checkpoint.</summary>
public static class CountingBody
{
    /// <summary>Time of an iteration.</summary>
    public static TimeSpan Pace { get; } = TimeSpan.FromMilliseconds(10);

    /// <summary>A session of <paramref name="spec"/>.</summary>
    public static TrainingResult Run(TrainingSpec spec, ITrainingJournal journal, Stream? checkpoint, int threads)
    {
        var trouble = (Trouble)spec.Seed;
        if (trouble is Trouble.Real)
        {
            return TrainingSession.Run(spec, journal, checkpoint, threads);
        }

        long iteration = checkpoint is null ? 0 : ReadIteration(checkpoint);
        if (trouble is Trouble.Crash)
        {
            Console.Error.WriteLine("terminate called after throwing an instance of 'c10::Error'");
            Process.GetCurrentProcess().Kill();
        }

        if (trouble is Trouble.OutOfMemory)
        {
            throw new OutOfMemoryException("you tried to allocate 64000000000 bytes");
        }

        while (iteration < spec.Optimisation.Iterations)
        {
            switch (journal.Signal)
            {
                case TrainingSignal.Pause:
                    Save(journal, iteration, "pause", trouble);
                    return new(TrainingOutcome.Paused, $"checkpoint of iteration {iteration} written");
                case TrainingSignal.Stop:
                    Save(journal, iteration, "stop", trouble);
                    return new(TrainingOutcome.Stopped, $"stopped at iteration {iteration}");
                case TrainingSignal.Abandon:
                    return new(TrainingOutcome.Abandoned, "the attempt lost its run");
                case TrainingSignal.Continue:
                    break;
            }

            if (trouble is Trouble.NotFinite && iteration == 50)
            {
                return new(TrainingOutcome.NotFinite, "not finite") { FirstBadIteration = 48 };
            }

            Thread.Sleep(Pace);
            iteration++;
            journal.Metrics([new("loss", iteration, iteration * 16, iteration * Pace.TotalSeconds, 1.0 / iteration)]);
            if (iteration % spec.Evaluation.CheckpointEvery == 0)
            {
                Save(journal, iteration, "interval", trouble);
            }
        }

        return new(TrainingOutcome.Finished, $"all {iteration} iterations done");
    }

    private static long ReadIteration(Stream checkpoint)
    {
        byte[] bytes = new byte[8];
        checkpoint.ReadExactly(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    private static void Save(ITrainingJournal journal, long iteration, string reason, Trouble trouble) =>
        journal.Checkpoint(
            new(iteration, iteration * 16, iteration * Pace.TotalSeconds, null, reason),
            stream =>
            {
                byte[] bytes = new byte[trouble is Trouble.LargeCheckpoints ? 12 << 20 : 1000];
                new Random((int)iteration).NextBytes(bytes);
                BinaryPrimitives.WriteInt64LittleEndian(bytes, iteration);
                stream.Write(bytes);
            }
        );
}
