using System.Runtime.InteropServices;
using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

/// <summary>
/// Averages the gradients of <see cref="FlatParameters"/> over the ranks of a group, in buckets. A bucket leaves as soon as
/// the backward pass has finished its gradients, the last layers first, while the pass goes on; the ranks send in the same
/// order whatever finishes first. With mean losses, R ranks of batch B/R give the gradient of one rank of batch B.
/// </summary>
/// <remarks>
/// Between <see cref="Begin"/> and <see cref="End"/> there may be one backward pass; more are found out and refused.
/// Parameters that it does not reach are exchanged at the end.
/// </remarks>
public sealed class GradientExchange : SafeHandle
{
    /// <summary>Size of a bucket: large enough that its latency does not count, small enough that the first leaves early.</summary>
    public const long DefaultBucketBytes = 8 << 20;

    private readonly ProcessGroup group;

    /// <summary>
    /// Makes the values of <paramref name="parameters"/> those of rank 0 and listens to their gradients from now on.
    /// The group must outlive it.
    /// </summary>
    public unsafe GradientExchange(ProcessGroup group, FlatParameters parameters, long bucketBytes = DefaultBucketBytes) : base(0, ownsHandle: true)
    {
        this.group = group;
        using (torch.no_grad()) group.Broadcast(parameters.Values);
        var (starts, lengths, bucketOf) = Plan(parameters, bucketBytes / sizeof(float));
        Buckets = starts.Length;
        var leaves = parameters.Entries.Select(e => e.Parameter.Value.Raw).ToArray();
        fixed (nint* p = leaves)
        fixed (long* b = bucketOf, s = starts, l = lengths)
            SetHandle(Native.Check(Native.smt_reducer_new(group.Raw, parameters.Gradients.Raw, p, b, leaves.Length, s, l, Buckets), "exchange of gradients"));
        GC.KeepAlive(parameters);
    }

    /// <summary>Number of buckets.</summary>
    public int Buckets { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    private nint Raw => IsClosed ? throw new ObjectDisposedException(nameof(GradientExchange)) : handle;

    /// <summary>The next backward pass is the one whose gradients are exchanged.</summary>
    public void Begin() => Native.Check(Native.smt_reducer_arm(Raw), "exchange of gradients");

    /// <summary>Sends what is left and waits; the gradients are then the mean over the ranks.</summary>
    /// <exception cref="TorchException">A rank is gone or late, or there were two backward passes.</exception>
    public void End()
    {
        Native.Check(Native.smt_reducer_finish(Raw), $"exchange of gradients over {group.Size} ranks");
        GC.KeepAlive(group);
    }

    // from the end of the buffer, where the backward pass begins, to its start; a bucket ends where a parameter does
    private static (long[] Starts, long[] Lengths, long[] BucketOf) Plan(FlatParameters parameters, long elements)
    {
        var entries = parameters.Entries;
        var (starts, lengths, bucketOf) = (new List<long>(), new List<long>(), new long[entries.Count]);
        var end = parameters.Gradients.Count;
        for (var k = entries.Count - 1; k >= 0; k--)
        {
            bucketOf[k] = starts.Count;
            if (k > 0 && end - entries[k].Offset < elements) continue;
            starts.Add(entries[k].Offset);
            lengths.Add(end - entries[k].Offset);
            end = entries[k].Offset;
        }
        return ([.. starts], [.. lengths], bucketOf);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Native.smt_reducer_free(handle);
        return true;
    }
}
