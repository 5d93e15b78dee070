namespace SmtWeb.Smt.Imaging;

/// <summary>
/// Between network values in [-1,1] and bytes, as EDM does it: x·127.5 + 128, clipped and truncated; back b/127.5 - 1.
/// The evaluation scripts released with the paper use (x + 1)·127.5, which differs by up to one level.
/// </summary>
public static class Quantisation
{
    /// <summary>The byte of a network value; NaN gives 0.</summary>
    public static byte ToByte(float x)
    {
        var level = (x * 127.5f) + 128f;
        return level >= 255f ? (byte)255 : level > 0f ? (byte)level : (byte)0;
    }

    /// <summary>The bytes of network values.</summary>
    public static byte[] ToBytes(ReadOnlySpan<float> values)
    {
        var bytes = new byte[values.Length];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = ToByte(values[i]);
        return bytes;
    }

    /// <summary>The network value of a byte.</summary>
    public static float FromByte(byte level) => (level / 127.5f) - 1f;
}
