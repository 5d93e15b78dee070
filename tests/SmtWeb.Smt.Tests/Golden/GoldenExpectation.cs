using System.Runtime.InteropServices;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>
/// An expected tensor and its stated tolerance: equal bytes where it is exact, else
/// <c>a == b or |a - b| ≤ atol + rtol·|b|</c> with b the stored value (so equal infinities pass; NaN and anything else against an infinity
/// do not).
/// </summary>
public sealed class GoldenExpectation(string caseId, GoldenTensor expected, bool exact, double atol, double rtol)
{
    /// <summary>The stored tensor.</summary>
    public GoldenTensor Tensor { get; } = expected;

    /// <summary>Fails where an element is out of tolerance, naming the worst.</summary>
    public void Verify(float[] actual)
    {
        if (exact)
        {
            VerifyBytes(MemoryMarshal.AsBytes<float>(actual));
        }
        else
        {
            Verify(Array.ConvertAll(actual, v => (double)v));
        }
    }

    /// <inheritdoc cref="Verify(float[])"/>
    public void Verify(long[] actual)
    {
        if (exact)
        {
            VerifyBytes(MemoryMarshal.AsBytes<long>(actual));
        }
        else
        {
            Verify(Array.ConvertAll(actual, v => (double)v));
        }
    }

    /// <summary>Fails where a byte differs (exact) or a value is out of tolerance, for tensors of bytes.</summary>
    public void Verify(byte[] actual)
    {
        if (exact)
        {
            VerifyBytes(actual);
        }
        else
        {
            Verify(Array.ConvertAll(actual, v => (double)v));
        }
    }

    /// <inheritdoc cref="Verify(float[])"/>
    public void Verify(params double[] actual)
    {
        if (Mismatch(actual) is { } message)
        {
            Assert.Fail(message);
        }
    }

    /// <summary>What is wrong with <paramref name="actual"/>, or null.</summary>
    public string? Mismatch(double[] actual)
    {
        if (actual.Length != Tensor.Count)
        {
            return $"{caseId} {Tensor.Name}: {actual.Length} elements, expected [{string.Join(",", Tensor.Shape)}].";
        }

        var failed = 0;
        var worst = (Index: -1, Excess: 0.0);
        for (var i = 0; i < actual.Length; i++)
        {
            double a = actual[i],
                b = Tensor.At(i);
            if (a == b)
            {
                continue;
            }
            var allowed = exact ? 0 : atol + (rtol * Math.Abs(b));
            var difference = Math.Abs(a - b);
            if (difference <= allowed && double.IsFinite(b))
            {
                continue;
            }
            failed++;

            // NaN and infinite differences are worse than any finite one.
            var excess = double.IsFinite(difference) ? difference / Math.Max(allowed, double.Epsilon) : double.PositiveInfinity;
            if (worst.Index < 0 || excess > worst.Excess)
            {
                worst = (i, excess);
            }
        }

        if (failed == 0)
        {
            return null;
        }
        var (at, times) = worst;
        var limit = exact ? 0 : atol + (rtol * Math.Abs(Tensor.At(at)));
        return $"{caseId} {Tensor.Name} [{string.Join(",", Tensor.Shape)}]: {failed} of {actual.Length} elements out of tolerance; worst "
            + $"at [{string.Join(",", Position(at))}]: "
            + $"{actual[at]:R}, expected {Tensor.At(at):R}, differs by {Math.Abs(actual[at] - Tensor.At(at)):G4}, allowed {limit:G4} "
            + $"({times:G3} times).";
    }

    private void VerifyBytes(ReadOnlySpan<byte> actual)
    {
        if (actual.SequenceEqual(Tensor.Bytes))
        {
            return;
        }
        var at = actual.CommonPrefixLength(Tensor.Bytes) / Tensor.Type.Size();
        Assert.Fail(
            $"{caseId} {Tensor.Name} [{string.Join(",", Tensor.Shape)}] must match exactly ({actual.Length} bytes against "
                + $"{Tensor.Bytes.Length}); first difference at [{string.Join(",", Position(at))}]"
                + (at < Tensor.Count ? $", expected {Tensor.At(at):R}." : ".")
        );
    }

    private long[] Position(long index)
    {
        var position = new long[Tensor.Shape.Count];
        for (var axis = position.Length - 1; axis >= 0; axis--)
        {
            position[axis] = index % Math.Max(1, Tensor.Shape[axis]);
            index /= Math.Max(1, Tensor.Shape[axis]);
        }

        return position;
    }
}
