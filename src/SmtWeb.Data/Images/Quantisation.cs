using SmtWeb.Torch;

namespace SmtWeb.Data.Images;

/// <summary>How network values become bytes before they are measured. The two differ by up to one level.</summary>
public enum Rounding
{
    /// <summary>EDM's: x·127.5 + 128, clipped and truncated, which rounds to nearest.</summary>
    Edm,

    /// <summary>The evaluation scripts released with the paper and with DMD2: (x + 1)·127.5, clipped and truncated.</summary>
    ReleasedScripts,
}

/// <summary>Between network values in [-1,1] and bytes; back it is b/127.5 - 1 in either convention.</summary>
public static class Quantisation
{
    /// <summary>The byte of a network value; NaN gives 0.</summary>
    public static byte ToByte(float x, Rounding rounding = Rounding.Edm)
    {
        var level = rounding switch
        {
            Rounding.Edm => (x * 127.5f) + 128f,
            Rounding.ReleasedScripts => (x + 1f) * 127.5f,
        };
        return level >= 255f ? (byte)255
            : level > 0f ? (byte)level
            : (byte)0;
    }

    /// <summary>The bytes of network values.</summary>
    public static byte[] ToBytes(ReadOnlySpan<float> values, Rounding rounding = Rounding.Edm)
    {
        var bytes = new byte[values.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = ToByte(values[i], rounding);
        }
        return bytes;
    }

    /// <summary>Samples in [-1,1] as bytes, rounded to nearest as EDM does: clip(x·127.5 + 128). [N,C,H,W] → [N,H,W,C]</summary>
    public static byte[] ToPixels(Tensor x)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        return ToBytes(x.permute(0, 2, 3, 1).ToArray<float>());
    }

    /// <summary>The network value of a byte.</summary>
    public static float FromByte(byte level) => (level / 127.5f) - 1f;
}
