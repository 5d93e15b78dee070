using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Joins the halves' results; backwards it sends each half its rows of the gradient and adds what they give the parameters.
/// </summary>
internal sealed unsafe class JoinRows : FusedOperator
{
    private readonly nint[] _results = new nint[2];
    private readonly nint[][] _leaves; // of each half: its own inputs that need a gradient, then the parameters that do
    private readonly long _rows; // of the first half
    private readonly int _inputs; // that need a gradient

    private JoinRows(nint[] upper, nint[] lower, int inputs, long rows) => (_leaves, _inputs, _rows) = ([upper, lower], inputs, rows);

    internal static Tensor Apply(
        Tensor top,
        Tensor bottom,
        Tensor?[] originals,
        Tensor?[] upper,
        Tensor?[] lower,
        IReadOnlyList<Tensor> parameters
    )
    {
        nint joined;
        using (no_grad())
        {
            using var both = cat([top, bottom]);
            if (!top.requires_grad)
            {
                return both.alias();
            }
            joined = LibTorch.Share(both.Handle);
        }
        var wanted = new List<nint>();
        List<nint> first = [],
            second = [];
        for (var k = 0; k < originals.Length; k++)
        {
            if (originals[k] is { requires_grad: true } x)
            {
                wanted.Add(x.Handle);
                first.Add(LibTorch.Share(upper[k]!.Handle));
                second.Add(LibTorch.Share(lower[k]!.Handle));
            }
        }
        var inputs = wanted.Count;
        for (var k = 0; k < parameters.Count; k++)
        {
            var p = parameters[k].Handle;
            if (LibTorch.RequiresGrad(p))
            {
                wanted.Add(p);
                first.Add(LibTorch.Share(p));
                second.Add(LibTorch.Share(p));
            }
        }
        var call = new JoinRows([.. first], [.. second], inputs, top.shape[0]);
        call._results[0] = LibTorch.Share(top.Handle);
        call._results[1] = LibTorch.Share(bottom.Handle);
        var result = call.Record(joined, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(wanted));
        GC.KeepAlive(originals);
        GC.KeepAlive(upper);
        GC.KeepAlive(lower);
        GC.KeepAlive(parameters);
        return result;
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> found)
    {
        var dy = gradients[0];
        if (dy == 0)
        {
            return;
        }
        nint[] mine = new nint[found.Length],
            theirs = new nint[found.Length];
        try
        {
            Companion.Both(() => Half(0, dy, mine), () => Half(1, dy, theirs));
            for (var k = 0; k < _inputs; k++)
            {
                if (mine[k] != 0 && theirs[k] != 0)
                {
                    found[k] = LibTorch.Cat(mine[k], theirs[k]);
                }
            }
            Add(mine, theirs, found);
        }
        finally
        {
            for (var k = 0; k < found.Length; k++)
            {
                LibTorch.Free(mine[k]);
                LibTorch.Free(theirs[k]);
            }
        }
    }

    private void Half(int k, nint dy, nint[] found)
    {
        var info = new TensorInfo(dy);
        Span<long> sizes = stackalloc long[info.Dimensions];
        new ReadOnlySpan<long>(info.Sizes, info.Dimensions).CopyTo(sizes);
        var all = sizes[0];
        sizes[0] = k == 0 ? _rows : all - _rows;
        var part = LibTorch.View(dy, sizes, new(info.Strides, info.Dimensions), k == 0 ? 0 : _rows * info.Strides[0]);
        try
        {
            Autograd.Grad(_results[k], part, _leaves[k], found);
        }
        finally
        {
            LibTorch.Free(part);
        }
    }

    // What both halves found for the parameters is added on both threads again, the first half's always first.
    private void Add(nint[] mine, nint[] theirs, Span<nint> found)
    {
        var sums = new List<(nint A, nint B, nint Sum)>();
        long numbers = 0;
        for (var k = _inputs; k < found.Length; k++)
        {
            if (mine[k] == 0 || theirs[k] == 0)
            {
                continue;
            }
            TensorInfo a = new(mine[k]),
                b = new(theirs[k]);
            if (!Kernels.Present || !AreAlike(a, b))
            {
                found[k] = LibTorch.Add(mine[k], theirs[k]);
                continue;
            }
            found[k] = LibTorch.EmptyLike(a);
            sums.Add((mine[k], theirs[k], found[k]));
            numbers += a.Count;
        }
        var middle = 0;
        for (long soFar = 0; middle < sums.Count && 2 * soFar < numbers; middle++)
        {
            soFar += new TensorInfo(sums[middle].A).Count;
        }
        Companion.Both(() => AddSome(sums, 0, middle), () => AddSome(sums, middle, sums.Count));
    }

    private static void AddSome(List<(nint A, nint B, nint Sum)> sums, int from, int to)
    {
        for (var k = from; k < to; k++)
        {
            var a = new TensorInfo(sums[k].A);
            var length = a.Count;
            float* x = a.Floats,
                y = (float*)LibTorch.Data(sums[k].B),
                z = (float*)LibTorch.Data(sums[k].Sum);
            Kernels.smt_add(1, &length, &x, &y, &z);
        }
    }

    // the same order in memory, without gaps
    private static bool AreAlike(in TensorInfo a, in TensorInfo b) =>
        a is { OnCpu: true, Type: LibTorch.Float32 }
        && b is { OnCpu: true, Type: LibTorch.Float32 }
        && a.Dimensions == b.Dimensions
        && a.SameSizes(b)
        && ((a.IsRowMajor && b.IsRowMajor) || (a.IsChannelsLast && b.IsChannelsLast));

    /// <inheritdoc/>
    protected override void Release()
    {
        LibTorch.Free(ref _results[0]);
        LibTorch.Free(ref _results[1]);
        foreach (var half in _leaves)
        {
            for (var k = 0; k < half.Length; k++)
            {
                LibTorch.Free(ref half[k]);
            }
        }
    }
}
