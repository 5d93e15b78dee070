using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// One call of an autograd operator of ours: what its gradient needs, until its node in libtorch's graph dies. The node is TorchSharp's
/// native one. TorchSharp's managed <c>AutogradFunction</c> makes twins of all outputs, takes every gradient in a managed tensor and keeps
/// a list of all nodes alive; here gradients are handles, and what a node needs in managed memory is used again.
/// </summary>
public abstract unsafe partial class FusedOperator
{
    private const string Sharp = "LibTorchSharp";

    [ThreadStatic]
    private static nint* _wrapped; // outputs as libtorch gives them back

    [ThreadStatic]
    private static Handles? _last; // gradients that the last node on this thread gave

    [ThreadStatic]
    private static Exception? _failure;

    private bool _released;

    /// <summary>
    /// Writes the gradient of each input that <see cref="Record(Span{nint}, ReadOnlySpan{nint}, bool)"/> was given, 0 where it has none.
    /// Handles of
    /// <paramref name="gradients"/> are lent, 0 where an output was not used; those of <paramref name="results"/> are handed over.
    /// </summary>
    protected abstract void Backward(ReadOnlySpan<nint> gradients, Span<nint> results);

    /// <summary>Frees what was saved for the gradient; called once.</summary>
    protected abstract void Release();

    /// <summary>Whether an operator of these inputs has to be recorded.</summary>
    internal static bool Recording(ReadOnlySpan<nint> inputs)
    {
        if (!LibTorch.GradMode)
        {
            return false;
        }
        foreach (var input in inputs)
        {
            if (input != 0 && LibTorch.RequiresGrad(input))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The output, with this operator as its history. Takes the handle over.</summary>
    internal Tensor Record(nint output, ReadOnlySpan<nint> inputs)
    {
        Span<nint> outputs = [output];
        Record(outputs, inputs, inputsAmongOutputs: false);
        return Tensor.UnsafeCreateTensor(outputs[0]);
    }

    /// <summary>The output, where no history is wanted: what was saved is freed.</summary>
    internal Tensor Unrecorded(nint output)
    {
        ReleaseOnce();
        return Tensor.UnsafeCreateTensor(output);
    }

    /// <summary>Gives the outputs this operator as their history and replaces their handles. No input may be 0.</summary>
    internal void Record(Span<nint> outputs, ReadOnlySpan<nint> inputs, bool inputsAmongOutputs)
    {
        var slot = Slot.Take(this, inputs.Length);
        fixed (nint* i = inputs)
        fixed (nint* o = outputs)
        {
            var edges = new TensorArray(i, inputs.Length);
            if (_wrapped != null)
            {
                _wrapped[0] = 0;
            }
            THSAutograd_CSharpNode_setNextEdges(slot.Node, edges, 1);
            THSAutograd_Function_wrapOutputs(
                inputsAmongOutputs ? edges : default,
                default,
                default,
                new(o, outputs.Length),
                slot.Node,
                &AllocateWrapped
            );
        }
        THSAutograd_CSharpNode_disposeSharedPtr(slot.Node);
        if (_wrapped == null || _wrapped[0] == 0)
        {
            throw new TorchException(
                $"{GetType().Name} was refused a place in the graph: {Marshal.PtrToStringUTF8(THSTorch_get_and_reset_last_err())}"
            );
        }
        for (var k = 0; k < outputs.Length; k++)
        {
            LibTorch.Free(outputs[k]);
            outputs[k] = _wrapped[k];
        }
    }

    /// <summary>
    /// The exception that ended the last backward pass on this thread, if one of ours did; libtorch only knows that a node failed.
    /// </summary>
    internal static Exception? TakeFailure()
    {
        var taken = _failure;
        _failure = null;
        return taken;
    }

    /// <summary>Releases what it saved, where nothing is recorded or the gradient has been computed.</summary>
    internal void ReleaseOnce()
    {
        if (!_released)
        {
            _released = true;
            Release();
        }
    }

    private TensorArray Run(nint* gradients, int count, Slot slot)
    {
        var kept = _last ??= new Handles();
        kept.Free();
        var results = new Span<nint>(slot.Results, slot.Inputs);
        results.Clear();
        try
        {
            if (_released)
            {
                throw new TorchException(
                    $"{GetType().Name}: a second backward pass through the same graph; what it needs was freed by the first."
                );
            }
            if (LibTorch.GradMode)
            {
                throw new TorchException($"{GetType().Name} has no gradient of its gradient (create_graph).");
            }
            Backward(new(gradients, count), results);
            ReleaseOnce();
        }
        catch (Exception e)
        {
            // no exception may pass through libtorch's frames: it refuses a node that gives no gradients, and the caller then asks for the
            // reason
            _failure = e;
            foreach (var handle in results)
            {
                LibTorch.Free(handle);
            }
            return default;
        }
        finally
        {
            for (var k = 0; k < count; k++)
            {
                LibTorch.Free(gradients[k]);
            }
        }
        // the engine takes copies of the handles as soon as this returns; the next node on this thread frees these
        kept.Free();
        kept.Take(results);
        return new(slot.Results, results.Length);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint* AllocateWrapped(ulong count)
    {
        const int most = 8;
        if (_wrapped == null)
        {
            _wrapped = (nint*)NativeMemory.Alloc(most * (nuint)sizeof(nint));
        }
        return count <= most ? _wrapped : null;
    }

    /// <summary>Handles to be freed together.</summary>
    private sealed class Handles
    {
        private nint[] _all = new nint[16];
        private int _count;

        internal void Take(ReadOnlySpan<nint> handles)
        {
            if (_all.Length < handles.Length)
            {
                _all = new nint[handles.Length];
            }
            handles.CopyTo(_all);
            _count = handles.Length;
        }

        internal void Free()
        {
            for (var k = 0; k < _count; k++)
            {
                LibTorch.Free(_all[k]);
            }
            _count = 0;
        }
    }

    /// <summary>
    /// What a native node calls. A function pointer to managed code that knows its object is costly to make, so the pairs are kept and used
    /// again.
    /// </summary>
    private sealed class Slot
    {
        private static readonly Lock Gate = new();
        private static readonly Stack<Slot> Spare = new();
        private static readonly List<Slot> All = []; // what native code alone points at the collector would take

        private readonly ApplyFunction _apply;
        private readonly DeleteFunction _delete;
        private readonly nint _applyPointer,
            _deletePointer;
        private FusedOperator? _operation;
        private int _capacity;

        private Slot()
        {
            (_apply, _delete) = (Apply, Delete);
            (_applyPointer, _deletePointer) = (
                Marshal.GetFunctionPointerForDelegate(_apply),
                Marshal.GetFunctionPointerForDelegate(_delete)
            );
        }

        internal Node Node { get; private set; }

        internal nint* Results { get; private set; }

        internal int Inputs { get; private set; }

        internal static Slot Take(FusedOperator operation, int inputs)
        {
            Slot? slot;
            lock (Gate)
            {
                Spare.TryPop(out slot);
            }
            if (slot is null)
            {
                slot = new Slot();
                lock (Gate)
                {
                    All.Add(slot);
                }
            }
            if (slot._capacity < inputs)
            {
                slot._capacity = Math.Max(8, inputs);
                slot.Results = (nint*)NativeMemory.Realloc(slot.Results, (nuint)(slot._capacity * sizeof(nint)));
            }
            (slot._operation, slot.Inputs) = (operation, inputs);
            slot.Node = THSAutograd_CSharpNode_ctor(slot._applyPointer, slot._deletePointer);
            return slot;
        }

        private TensorArray Apply(nint* gradients, int count) => _operation!.Run(gradients, count, this);

        private void Delete()
        {
            try
            {
                _operation!.ReleaseOnce();
                _last?.Free();
            }
            catch (Exception e)
            {
                _failure = e;
            }
            _operation = null;
            THSAutograd_CSharpNode_disposeWeakPtr(Node);
            lock (Gate)
            {
                Spare.Push(this);
            }
        }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate TensorArray ApplyFunction(nint* gradients, int count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void DeleteFunction();

    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct TensorArray(nint* first, long count)
    {
        private readonly nint* _first = first;
        private readonly long _count = count;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct Node
    {
        private readonly nint _shared,
            _weak;
    }

    [LibraryImport(Sharp)]
    private static partial nint THSTorch_get_and_reset_last_err();

    [LibraryImport(Sharp)]
    private static partial Node THSAutograd_CSharpNode_ctor(nint apply, nint delete);

    [LibraryImport(Sharp)]
    private static partial void THSAutograd_CSharpNode_disposeSharedPtr(Node node);

    [LibraryImport(Sharp)]
    private static partial void THSAutograd_CSharpNode_disposeWeakPtr(Node node);

    [LibraryImport(Sharp)]
    private static partial void THSAutograd_CSharpNode_setNextEdges(Node node, TensorArray inputs, byte executable);

    [LibraryImport(Sharp)]
    private static partial void THSAutograd_Function_wrapOutputs(
        TensorArray inputs,
        TensorArray notDifferentiable,
        TensorArray dirty,
        TensorArray outputs,
        Node node,
        delegate* unmanaged[Cdecl]<ulong, nint*> allocate
    );
}
