using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>
/// Counts the iterations that a loss or gradient which was not finite made skip. Where norms are not known (on a GPU) it counts
/// there, and waits for the device only when it is asked.
/// </summary>
internal sealed class SkippedSteps(Device device) : IDisposable
{
    private Tensor? _inRowOnDevice,
        _countOnDevice;
    private bool _stale;
    private long _count;

    /// <summary>How many of the last iterations in a row, as far as is known.</summary>
    internal int InRow { get; private set; }

    /// <summary>Takes note of an iteration of these <paramref name="norms"/>; false where what came of it is not known yet.</summary>
    internal bool Observe(IReadOnlyList<GradientNorm> norms)
    {
        if (norms.All(n => n.IsKnown))
        {
            var finite = norms.All(n => n.IsFinite);
            InRow = finite ? 0 : InRow + 1;
            if (!finite)
            {
                _count++;
            }
            return true;
        }
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        _inRowOnDevice ??= torch.zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        _countOnDevice ??= torch.zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        var skipped = 1d.Minus(norms.Select(n => n.FiniteOnDevice()).Aggregate((a, b) => a * b));
        _countOnDevice.add_(skipped);
        _inRowOnDevice.Plus_(1).mul_(skipped);
        _stale = true;
        return false;
    }

    /// <summary>How many there were since the last call; waits for the device where the norms are there.</summary>
    internal long Take()
    {
        if (_stale)
        {
            using var _ = torch.no_grad();
            InRow = (int)_inRowOnDevice!.ToDouble();
            _count += (long)_countOnDevice!.ToDouble();
            _countOnDevice!.zero_();
            _stale = false;
        }
        (var taken, _count) = (_count, 0);
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _inRowOnDevice?.Dispose();
        _countOnDevice?.Dispose();
    }
}
