using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>
/// Counts the iterations that a loss or gradient which was not finite made skip. Where norms are not known (on a GPU) it counts
/// there, and waits for the device only when it is asked.
/// </summary>
internal sealed class SkippedSteps(Device device) : IDisposable
{
    private Tensor? inRowOnDevice, countOnDevice;
    private bool stale;
    private long count;

    /// <summary>How many of the last iterations in a row, as far as is known.</summary>
    internal int InRow { get; private set; }

    /// <summary>Takes note of an iteration of these <paramref name="norms"/>; false where what came of it is not known yet.</summary>
    internal bool Observe(IReadOnlyList<GradientNorm> norms)
    {
        if (norms.All(n => n.IsKnown))
        {
            var finite = norms.All(n => n.IsFinite);
            InRow = finite ? 0 : InRow + 1;
            if (!finite) count++;
            return true;
        }
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        inRowOnDevice ??= torch.zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        countOnDevice ??= torch.zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        var skipped = 1d.Minus(norms.Select(n => n.FiniteOnDevice()).Aggregate((a, b) => a * b));
        countOnDevice.add_(skipped);
        inRowOnDevice.Plus_(1).mul_(skipped);
        stale = true;
        return false;
    }

    /// <summary>How many there were since the last call; waits for the device where the norms are there.</summary>
    internal long Take()
    {
        if (stale)
        {
            using var _ = torch.no_grad();
            InRow = (int)inRowOnDevice!.ToDouble();
            count += (long)countOnDevice!.ToDouble();
            countOnDevice!.zero_();
            stale = false;
        }
        (var taken, count) = (count, 0);
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inRowOnDevice?.Dispose();
        countOnDevice?.Dispose();
    }
}
