using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Moves all parameters of some modules into one buffer, their gradients into another. The optimizer, gradient norm,
/// moving average and gradient exchange then work on one long vector instead of hundreds of small ones.
/// Convolution weights are laid out channels-last, the order in which the fast kernels read them.
/// </summary>
/// <remarks>The parameters stay the objects that they were; their memory is this one's.</remarks>
public sealed class FlatParameters : IDisposable
{
    private const long Alignment = 16; // 64 bytes: no weight shares a cache line with another
    private const long Row = 4096; // the whole is a number of such rows, for sums in two stages

    private readonly List<(string Name, Parameter Parameter, long Offset)> _entries = [];

    /// <summary>Takes over the parameters of <paramref name="modules"/>; names get the given prefixes.</summary>
    public FlatParameters(params IReadOnlyList<(string Prefix, nn.Module Module)> modules)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        long length = 0;
        Device? device = null;
        foreach (var (prefix, module) in modules)
        {
            foreach (var (name, p) in module.ParameterEntries(prefix))
            {
                _entries.Add((name, p, length));
                device ??= p.device;
                length += (p.NumberOfElements + Alignment - 1) / Alignment * Alignment;
            }
        }
        length = (length + Row - 1) / Row * Row;
        Values = zeros([length], ScalarType.Float32, device).DetachFromDisposeScope();
        Gradients = zeros([length], ScalarType.Float32, device).DetachFromDisposeScope();
        foreach (var (_, p, offset) in _entries)
        {
            var shape = p.shape;
            var strides = LayoutOf(shape);
            p.set_(Values.as_strided(shape, strides, offset).copy_(p));
            p.requires_grad = true;
            p.grad = Gradients.as_strided(shape, strides, offset);
        }
    }

    /// <summary>All values, with unused gaps that stay 0.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients; backward passes add into it.</summary>
    public Tensor Gradients { get; }

    /// <summary>
    /// Averages the gradients over the ranks of a run before each step, where there are several. It listens to the backward
    /// pass between <see cref="ZeroGrad"/> and the optimizer's step.
    /// </summary>
    public IGradientExchange? Exchange { get; set; }

    /// <summary>Name, parameter and place of every parameter, in order.</summary>
    internal IReadOnlyList<(string Name, Parameter Parameter, long Offset)> Entries => _entries;

    /// <summary>A tensor of the same layout holding nothing but zeros.</summary>
    public Tensor NewState()
    {
        using var none = no_grad();
        return zeros_like(Values).DetachFromDisposeScope();
    }

    /// <summary>
    /// Euclidean norm of the gradients, where they are, in two stages: one float32 sum over millions of squares would lose four digits.
    /// </summary>
    public Tensor GradientNorm()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        return Gradients.view(-1, Row).norm(1).norm().MoveToOuterDisposeScope();
    }

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGrad()
    {
        Gradients.zero_();
        Exchange?.Begin();
    }

    /// <summary>The part of <paramref name="flat"/> (values, gradients or optimizer state) that belongs to each parameter.</summary>
    public IEnumerable<(string Name, Tensor View)> Views(Tensor flat)
    {
        foreach (var (name, p, offset) in _entries)
        {
            var shape = p.shape;
            yield return (name, flat.as_strided(shape, LayoutOf(shape), offset));
        }
    }

    private static long[] LayoutOf(long[] shape)
    {
        if (shape is [_, var c, var h, var w])
        {
            return [c * h * w, 1, w * c, c];
        }
        var strides = new long[shape.Length];
        long next = 1;
        for (var k = shape.Length - 1; k >= 0; k--)
        {
            strides[k] = next;
            next *= shape[k];
        }
        return strides;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Gradients.Dispose();
    }
}
