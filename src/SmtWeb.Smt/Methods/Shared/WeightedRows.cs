using System.Runtime.InteropServices;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>
/// The rows of a batch of pairs whose loss has a weight: real ones where α &gt; 0, fake ones where α &lt; 1. The others need
/// not be computed. Joined tensors hold the <see cref="Real"/> real rows first.
/// </summary>
internal sealed class WeightedRows : IDisposable
{
    private readonly Tensor _ofPair,
        _ofJoined;

    internal WeightedRows(IReadOnlyList<float> α, Device device)
    {
        var B = α.Count;
        var rows = new List<long>(2 * B);
        for (var k = 0; k < B; k++)
        {
            if (α[k] > 0)
            {
                rows.Add(k);
            }
        }
        Real = rows.Count;
        for (var k = 0; k < B; k++)
        {
            if (α[k] < 1)
            {
                rows.Add(k);
            }
        }
        _ofPair = HostTransfer.Of<long>(CollectionsMarshal.AsSpan(rows), [rows.Count], device);
        for (var k = (int)Real; k < rows.Count; k++)
        {
            rows[k] += B; // the fakes stand behind the real ones
        }
        _ofJoined = HostTransfer.Of<long>(CollectionsMarshal.AsSpan(rows), [rows.Count], device);
    }

    /// <summary>Number of real rows.</summary>
    internal long Real { get; }

    /// <summary>The weighted rows of both halves, [R,…].</summary>
    internal Tensor Join(Tensor real, Tensor fake) => torch.cat([real, fake]).index_select(0, _ofJoined);

    /// <summary>The same where both halves of a pair share one value.</summary>
    internal Tensor Join(Tensor shared) => shared.index_select(0, _ofPair);

    public void Dispose()
    {
        _ofPair.Dispose();
        _ofJoined.Dispose();
    }
}
