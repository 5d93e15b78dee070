using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

#pragma warning disable RS0030 // the one place where numbers become TorchSharp's scalars, and are kept
/// <summary>
/// Arithmetic of tensors with numbers. TorchSharp makes a <c>Scalar</c> of every number, an object with a finalizer, and hands its
/// pointer to libtorch without keeping the object: a collection on another thread in that moment frees it, and the operator reads
/// freed memory ("Unknown scalar type", a wrong number, a crash). Here each scalar lives until the operator has returned, and is freed at
/// once. TorchSharp's own operators with numbers are forbidden (BannedSymbols.txt).
/// </summary>
public static class Numbers
{
    /// <summary>x · factor.</summary>
    public static Tensor Times(this Tensor x, double factor)
    {
        using Scalar s = factor;
        return x.mul(s);
    }

    /// <summary>x / divisor.</summary>
    public static Tensor Over(this Tensor x, double divisor)
    {
        using Scalar s = divisor;
        return x.div(s);
    }

    /// <summary>number / x.</summary>
    public static Tensor Over(this double number, Tensor x) => number == 1 ? x.reciprocal() : x.reciprocal().Times(number);

    /// <summary>x + term.</summary>
    public static Tensor Plus(this Tensor x, double term)
    {
        using Scalar s = term;
        return x.add(s);
    }

    /// <summary>x - term.</summary>
    public static Tensor Minus(this Tensor x, double term)
    {
        using Scalar s = term;
        return x.sub(s);
    }

    /// <summary>number - x.</summary>
    public static Tensor Minus(this double number, Tensor x) => x.neg().Plus(number);

    /// <summary>x + factor · other in one pass.</summary>
    public static Tensor PlusTimes(this Tensor x, Tensor other, double factor)
    {
        using Scalar s = factor;
        return x.add(other, s);
    }

    /// <summary>x².</summary>
    public static Tensor Squared(this Tensor x) => x * x;

    /// <summary>x to the power of <paramref name="exponent"/>.</summary>
    public static Tensor Power(this Tensor x, double exponent)
    {
        using Scalar s = exponent;
        return x.pow(s);
    }

    /// <summary>x where it is at least <paramref name="least"/>, else that.</summary>
    public static Tensor AtLeast(this Tensor x, double least)
    {
        using Scalar s = least;
        return x.clamp_min(s);
    }

    /// <summary>True where x is <paramref name="number"/>.</summary>
    public static Tensor Is(this Tensor x, double number)
    {
        using Scalar s = number;
        return x.eq(s);
    }

    /// <summary>x, but <paramref name="number"/> where <paramref name="mask"/> is true.</summary>
    public static Tensor With(this Tensor x, double number, Tensor mask)
    {
        using Scalar s = number;
        return x.masked_fill(mask, s);
    }

    /// <summary>log(1 + eˣ), without overflow.</summary>
    public static Tensor SoftPlus(this Tensor x) => nn.functional.logsigmoid(x.neg()).neg();

    /// <summary>x where it is not negative, else slope · x.</summary>
    public static Tensor LeakyReLU(this Tensor x, double slope)
    {
        using Scalar s = slope;
        return x.leaky_relu(s);
    }

    /// <summary>x · factor in place.</summary>
    public static Tensor Times_(this Tensor x, double factor)
    {
        using Scalar s = factor;
        return x.mul_(s);
    }

    /// <summary>x / divisor in place.</summary>
    public static Tensor Over_(this Tensor x, double divisor)
    {
        using Scalar s = divisor;
        return x.div_(s);
    }

    /// <summary>x + term in place.</summary>
    public static Tensor Plus_(this Tensor x, double term)
    {
        using Scalar s = term;
        return x.add_(s);
    }

    /// <summary>x + factor · other in place.</summary>
    public static Tensor PlusTimes_(this Tensor x, Tensor other, double factor)
    {
        using Scalar s = factor;
        return x.add_(other, s);
    }

    /// <summary>x + factor · a · b in place.</summary>
    public static Tensor PlusProduct_(this Tensor x, Tensor a, Tensor b, double factor)
    {
        using Scalar s = factor;
        return x.addcmul_(a, b, s);
    }

    /// <summary>x + factor · a / b in place.</summary>
    public static Tensor PlusQuotient_(this Tensor x, Tensor a, Tensor b, double factor)
    {
        using Scalar s = factor;
        return x.addcdiv_(a, b, s);
    }

    /// <summary>Every element <paramref name="number"/>, in place.</summary>
    public static Tensor Fill_(this Tensor x, double number)
    {
        using Scalar s = number;
        return x.fill_(s);
    }

    /// <summary>A tensor whose every element is <paramref name="number"/>, float32 unless <paramref name="type"/> says otherwise.</summary>
    public static Tensor Full(ReadOnlySpan<long> shape, double number, Device? device = null, ScalarType type = ScalarType.Float32)
    {
        using Scalar s = number;
        return full(shape, s, type, device);
    }

    /// <summary>0, 1, … <paramref name="count"/> - 1.</summary>
    public static Tensor Range(long count, ScalarType type, Device? device = null)
    {
        using Scalar from = 0L,
            to = count,
            step = 1L;
        return arange(from, to, step, type, device);
    }
}
