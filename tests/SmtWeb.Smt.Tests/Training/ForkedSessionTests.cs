using SmtWeb.Smt.Session;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Sessions that go on from a checkpoint of a run of other settings, and runs that come apart.</summary>
public sealed class ForkedSessionTests : TensorTest
{
    [Fact]
    public void Run_DistanceThousandfold_IsPointedOut()
    {
        var spec = TrainingSessionTests.Every(4, 100);
        var journal = new MemoryJournal { At = (5, TrainingSignal.Pause) };
        TrainingSession.Run(spec, journal, null, 1);
        using var scope = torch.NewDisposeScope();
        var (read, progress, tensors, _) = CheckpointFile.Read(new MemoryStream(journal.Checkpoints[^1].Bytes), _ => true);
        Assert.Equal(journal.Evaluations.Min(e => e.Value), progress.BestDistance);
        using (torch.no_grad())
        {
            foreach (
                var (name, value) in tensors.Where(t =>
                    t.Key.EndsWith("output.bias", StringComparison.Ordinal) && !t.Key.StartsWith("adamw", StringComparison.Ordinal)
                )
            )
            {
                value.fill_(1e6);
            }
        }

        using var stream = new MemoryStream();
        CheckpointFile.Write(stream, read, progress, tensors.Select(t => (t.Key, t.Value)));
        var further = new MemoryJournal();
        TrainingSession.Run(spec, further, new MemoryStream(stream.ToArray()), 1);
        Assert.Contains(further.Evaluations, e => e.Warnings?.Any(w => w.Contains("times the best", StringComparison.Ordinal)) == true);
        Assert.Contains(further.Lines, l => l.Level == LogLevel.Warning && l.Text.Contains("times the best", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_ForkWithAnotherAverage_BeginsItAsTheFirst()
    {
        var spec = TrainingSessionTests.Every(100, 100);
        var parent = new MemoryJournal { At = (5, TrainingSignal.Pause) };
        TrainingSession.Run(spec, parent, null, 1);
        var fork = new MemoryJournal { At = (0, TrainingSignal.Pause) };
        TrainingSession.Run(
            spec with
            {
                Optimisation = spec.Optimisation with { EmaHalfLives = [7], GeneratorRate = 1e-6 },
            },
            fork,
            new MemoryStream(parent.Checkpoints[^1].Bytes),
            1
        );
        var (before, after) = (
            TrainingSessionTests.Tensors(parent.Checkpoints[^1].Bytes),
            TrainingSessionTests.Tensors(fork.Checkpoints[^1].Bytes)
        );
        Assert.All(before, t => Assert.Equal(t.Value, after[t.Key]));
        var further = after.Where(t => t.Key.StartsWith("ema-h7.", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(further);
        Assert.All(further, t => Assert.Equal(after[t.Key.Replace("ema-h7.", "ema.", StringComparison.Ordinal)], t.Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Run_Fork_DrawsAsItsParentExceptWithAnotherSeed(int more)
    {
        var spec = TrainingSessionTests.Every(100, 100);
        var whole = new MemoryJournal();
        TrainingSession.Run(spec, whole, null, 1);
        var parent = new MemoryJournal { At = (5, TrainingSignal.Pause) };
        TrainingSession.Run(spec, parent, null, 1);
        var fork = new MemoryJournal();
        TrainingSession.Run(spec with { Seed = spec.Seed + more }, fork, new MemoryStream(parent.Checkpoints[^1].Bytes), 1);
        var losses = fork.Points.Where(p => p.Name.StartsWith("loss/", StringComparison.Ordinal)).ToList();
        Assert.Equal(6, losses.Min(p => p.Iteration));
        Assert.Equal(more == 0, losses.All(p => whole.Points.Any(w => (w.Name, w.Iteration, w.Value) == (p.Name, p.Iteration, p.Value))));
    }
}
