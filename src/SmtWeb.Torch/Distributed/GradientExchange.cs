using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Averages the gradients of <see cref="FlatParameters"/> over the ranks of a group after the backward pass, in parts of bounded size.
/// With mean losses, R ranks of batch B/R give the gradient of one rank of batch B.
/// </summary>
public sealed class GradientExchange : IGradientExchange
{
    /// <summary>Size of a part: large enough that its latency does not count, small enough that no exchange takes long.</summary>
    public const long DefaultBucketBytes = 32 << 20;

    private readonly ProcessGroup _group;
    private readonly FlatParameters _parameters;
    private readonly long _elements;

    /// <summary>Makes the values of <paramref name="parameters"/> those of rank 0. The group must outlive it.</summary>
    public GradientExchange(ProcessGroup group, FlatParameters parameters, long bucketBytes = DefaultBucketBytes)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(parameters);
        (_group, _parameters, _elements) = (group, parameters, Math.Max(1, bucketBytes / sizeof(float)));
        using var none = no_grad();
        group.Broadcast(parameters.Values);
    }

    /// <summary>Number of parts.</summary>
    public int Buckets => (int)((_parameters.Gradients.NumberOfElements + _elements - 1) / _elements);

    /// <inheritdoc/>
    public void Begin() => _group.ThrowIfLost();

    /// <inheritdoc/>
    /// <exception cref="TorchException">A rank is gone or late.</exception>
    public void End()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var all = _parameters.Gradients;
        for (long start = 0; start < all.NumberOfElements; start += _elements)
        {
            _group.AllReduce(all.narrow(0, start, Math.Min(_elements, all.NumberOfElements - start)));
        }
        all.Times_(1.0 / _group.Size);
    }
}
