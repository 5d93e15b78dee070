using SmtWeb.Torch;

namespace SmtWeb.Smt.ScoreOfMixture;

/// <summary>
/// The rows of a batch of pairs whose loss has a weight: real ones where α &gt; 0, fake ones where α &lt; 1. The others need
/// not be computed. Joined tensors hold the <see cref="Real"/> real rows first.
/// </summary>
internal sealed class WeightedRows : IDisposable
{
    private readonly Tensor realRows, fakeRows;

    internal WeightedRows(IReadOnlyList<float> α, Device device)
    {
        realRows = Rows(α, a => a > 0, device);
        fakeRows = Rows(α, a => a < 1, device);
        Real = realRows.Count;
    }

    /// <summary>Number of real rows.</summary>
    internal long Real { get; }

    /// <summary>The weighted rows of both halves, [R,…].</summary>
    internal Tensor Join(Tensor real, Tensor fake) => torch.cat([real.index_select(0, realRows), fake.index_select(0, fakeRows)]);

    private static Tensor Rows(IReadOnlyList<float> α, Func<float, bool> wanted, Device device)
    {
        var rows = Enumerable.Range(0, α.Count).Where(k => wanted(α[k])).Select(k => (long)k).ToArray();
        return torch.tensor(rows, [rows.Length], device);
    }

    public void Dispose()
    {
        realRows.Dispose();
        fakeRows.Dispose();
    }
}
