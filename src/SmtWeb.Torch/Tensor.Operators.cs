using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

// Each method is one operator of libtorch under PyTorch's name; torch.html documents the semantics.
#pragma warning disable CS1591 // the operator's name is its documentation
public sealed partial class Tensor
{
    public static Tensor operator +(Tensor a, Tensor b) => a.Binary(Operators.Add, b);
    public static Tensor operator +(Tensor a, double b) => a.WithScalar(Operators.AddScalar, b);
    public static Tensor operator +(double a, Tensor b) => b + a;
    public static Tensor operator -(Tensor a, Tensor b) => a.Binary(Operators.Sub, b);
    public static Tensor operator -(Tensor a, double b) => a.WithScalar(Operators.AddScalar, -b);
    public static Tensor operator -(double a, Tensor b) => b.WithScalar(Operators.RSubScalar, a);
    public static Tensor operator *(Tensor a, Tensor b) => a.Binary(Operators.Mul, b);
    public static Tensor operator *(Tensor a, double b) => a.WithScalar(Operators.MulScalar, b);
    public static Tensor operator *(double a, Tensor b) => b * a;
    public static Tensor operator /(Tensor a, Tensor b) => a.Binary(Operators.Div, b);
    public static Tensor operator /(Tensor a, double b) => a.WithScalar(Operators.DivScalar, b);
    public static Tensor operator /(double a, Tensor b) => b.reciprocal() * a;
    public static Tensor operator -(Tensor a) => a.Unary(Operators.Neg);

    /// <summary>this + alpha·other in one pass.</summary>
    public Tensor add(Tensor other, double alpha) { var r = Operators.Add.Call([this, other, alpha]); GC.KeepAlive(other); return Keep(r); }
    public Tensor exp() => Unary(Operators.Exp);
    public Tensor log() => Unary(Operators.Log);
    public Tensor sqrt() => Unary(Operators.Sqrt);
    public Tensor rsqrt() => Unary(Operators.RSqrt);
    public Tensor reciprocal() => Unary(Operators.Reciprocal);
    public Tensor pow(double exponent) => WithScalar(Operators.Pow, exponent);
    public Tensor square() => this * this;
    public Tensor abs() => Unary(Operators.Abs);
    public Tensor sin() => Unary(Operators.Sin);
    public Tensor cos() => Unary(Operators.Cos);
    public Tensor round() => Unary(Operators.Round);
    public Tensor sigmoid() => Unary(Operators.Sigmoid);
    public Tensor silu() => Unary(Operators.SiLU);
    public Tensor relu() => Unary(Operators.ReLU);
    public Tensor leaky_relu(double slope) => WithScalar(Operators.LeakyReLU, slope);
    public Tensor softplus() => Unary(Operators.SoftPlus);
    public Tensor clamp(double min, double max) => Keep(Operators.Clamp.Call([this, min, max]));
    public Tensor nan_to_num(double nan, double posinf, double neginf) => Keep(Operators.NanToNum.Call([this, nan, posinf, neginf]));
    public Tensor le(Tensor other) => Binary(Operators.Le, other);
    public Tensor eq(double value) => WithScalar(Operators.EqScalar, value);

    public Tensor sum() => Unary(Operators.Sum);
    public Tensor mean() => Unary(Operators.Mean);
    public unsafe Tensor sum(ReadOnlySpan<long> dims, bool keepdim = false) { fixed (long* d = dims) return Keep(Operators.SumDim.Call([this, Value.IntList(d, dims.Length), keepdim])); }
    public unsafe Tensor mean(ReadOnlySpan<long> dims, bool keepdim = false) { fixed (long* d = dims) return Keep(Operators.MeanDim.Call([this, Value.IntList(d, dims.Length), keepdim])); }

    /// <summary>Euclidean norm of all elements.</summary>
    public Tensor norm() => Unary(Operators.Norm);

    /// <summary>Euclidean norm over one dimension.</summary>
    public unsafe Tensor norm(long dim) => Keep(Operators.Norm.Call([this, 2.0, Value.IntList(&dim, 1)]));
    /// <summary>True where any element of the dimension is true.</summary>
    public Tensor any(long dim) => Keep(Operators.AnyDim.Call([this, dim]));

    /// <summary>The k-th smallest value (k from 1) of a dimension.</summary>
    public Tensor kthvalue(long k, long dim)
    {
        var r = Keep(Operators.KthValue.CallMany([this, k, dim], 2));
        r[1].Dispose();
        return r[0];
    }
    public Tensor argmax(long dim) => Keep(Operators.ArgMax.Call([this, dim]));

    public unsafe Tensor reshape(params ReadOnlySpan<long> shape) { fixed (long* s = shape) return Keep(Operators.Reshape.Call([this, Value.IntList(s, shape.Length)])); }
    public unsafe Tensor view(params ReadOnlySpan<long> shape) { fixed (long* s = shape) return Keep(Operators.View.Call([this, Value.IntList(s, shape.Length)])); }
    public unsafe Tensor as_strided(ReadOnlySpan<long> size, ReadOnlySpan<long> stride, long offset) { fixed (long* s = size) fixed (long* t = stride) return Keep(Operators.AsStrided.Call([this, Value.IntList(s, size.Length), Value.IntList(t, stride.Length), offset])); }
    public unsafe Tensor permute(params ReadOnlySpan<long> dims) { fixed (long* d = dims) return Keep(Operators.Permute.Call([this, Value.IntList(d, dims.Length)])); }
    public Tensor transpose(long a, long b) => Keep(Operators.Transpose.Call([this, a, b]));
    public unsafe Tensor expand(params ReadOnlySpan<long> size) { fixed (long* s = size) return Keep(Operators.Expand.Call([this, Value.IntList(s, size.Length)])); }
    public Tensor unsqueeze(long dim) => Keep(Operators.Unsqueeze.Call([this, dim]));
    public Tensor squeeze(long dim) => Keep(Operators.SqueezeDim.Call([this, dim]));
    public Tensor narrow(long dim, long start, long length) => Keep(Operators.Narrow.Call([this, dim, start, length]));
    public Tensor index_select(long dim, Tensor index) { var r = Operators.IndexSelect.Call([this, dim, index]); GC.KeepAlive(index); return Keep(r); }
    public unsafe Tensor flip(params ReadOnlySpan<long> dims) { fixed (long* d = dims) return Keep(Operators.Flip.Call([this, Value.IntList(d, dims.Length)])); }
    public Tensor[] chunk(int chunks, long dim = 0) => Keep(Operators.Chunk.CallMany([this, chunks, dim], chunks));
    public Tensor pixel_shuffle(long factor) => Keep(Operators.PixelShuffle.Call([this, factor]));
    public Tensor pixel_unshuffle(long factor) => Keep(Operators.PixelUnshuffle.Call([this, factor]));
    public Tensor one_hot(long classes) => Keep(Operators.OneHot.Call([this, classes]));
    public Tensor clone() => Unary(Operators.Clone);
    public Tensor contiguous(MemoryFormat format = MemoryFormat.Contiguous) => Keep(Operators.Contiguous.Call([this, format]));
    public Tensor detach() => Unary(Operators.Detach);

    /// <summary>This tensor in another type; the same tensor where it has that type already.</summary>
    public Tensor to(ScalarType type) => Keep(Operators.ToDtype.Call([this, type]));

    /// <summary>This tensor on another device; the same tensor where it is there already.</summary>
    public Tensor to(Device device) => Keep(Operators.ToDevice.Call([this, device, ScalarType]));

    public Tensor matmul(Tensor other) => Binary(Operators.MatMul, other);
    public Tensor bmm(Tensor other) => Binary(Operators.Bmm, other);

    /// <summary>Eigenvalues, rising, and eigenvectors in columns, of a symmetric matrix.</summary>
    public (Tensor Values, Tensor Vectors) eigh() { var r = Keep(Operators.EigH.CallMany([this], 2)); return (r[0], r[1]); }

    /// <summary>Eigenvalues, rising, of a symmetric matrix.</summary>
    public Tensor eigvalsh() => Unary(Operators.EigValsH);
    public Tensor softmax(long dim) => Keep(Operators.Softmax.Call([this, dim, Value.None]));

    public Tensor copy_(Tensor source) => InPlace(Operators.Copy_, source);
    public Tensor zero_() { Operators.Zero_.Run([this]); return this; }
    public Tensor fill_(double value) { Operators.Fill_.Run([this, value]); return this; }
    public Tensor add_(Tensor other, double alpha = 1) { Operators.Add_.Run([this, other, alpha]); GC.KeepAlive(other); return this; }
    public Tensor add_(double value) { Operators.AddScalar_.Run([this, value]); return this; }
    public Tensor mul_(Tensor other) => InPlace(Operators.Mul_, other);
    public Tensor mul_(double value) { Operators.MulScalar_.Run([this, value]); return this; }
    public Tensor div_(double value) { Operators.DivScalar_.Run([this, value]); return this; }
    public Tensor relu_() { Operators.ReLU_.Run([this]); return this; }
    public Tensor sqrt_() { Operators.Sqrt_.Run([this]); return this; }
    public Tensor lerp_(Tensor end, double weight) { Operators.Lerp_.Run([this, end, weight]); GC.KeepAlive(end); return this; }
    public Tensor addcmul_(Tensor a, Tensor b, double value) { Operators.AddCMul_.Run([this, a, b, value]); GC.KeepAlive(a); GC.KeepAlive(b); return this; }
    public Tensor addcdiv_(Tensor a, Tensor b, double value) { Operators.AddCDiv_.Run([this, a, b, value]); GC.KeepAlive(a); GC.KeepAlive(b); return this; }
    public Tensor bernoulli_(double p, Generator generator) { Operators.Bernoulli_.Run([this, p, generator]); GC.KeepAlive(generator); return this; }

    private Tensor Unary(Operator op) => Keep(op.Call([this]));

    private Tensor WithScalar(Operator op, double scalar) => Keep(op.Call([this, scalar]));

    private Tensor Binary(Operator op, Tensor other)
    {
        var result = op.Call([this, other]);
        GC.KeepAlive(other);
        return Keep(result);
    }

    private Tensor InPlace(Operator op, Tensor other)
    {
        op.Run([this, other]);
        GC.KeepAlive(other);
        return this;
    }
}
