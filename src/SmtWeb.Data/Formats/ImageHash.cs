using System.Buffers.Binary;
using System.Security.Cryptography;

namespace SmtWeb.Data.Formats;

/// <summary>
/// SHA-256 of decoded pixels and labels in their order, so that the same images in another archive are the same. The next record that can
/// be read stands for one that cannot, as in training.
/// </summary>
internal sealed class ImageHash(int imageBytes) : IDisposable
{
    private readonly IncrementalHash _sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _record = new byte[sizeof(int) + imageBytes];
    private byte[]? _first;
    private int _waiting;

    public void Add(int label, ReadOnlySpan<byte> pixels)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_record, label);
        pixels.CopyTo(_record.AsSpan(sizeof(int)));
        _first ??= [.. _record];
        for (; _waiting >= 0; _waiting--)
        {
            _sha.AppendData(_record);
        }
        _waiting = 0;
    }

    public void AddCorrupt() => _waiting++;

    /// <summary>The hash of what was added: at least one record that can be read.</summary>
    public string Finish()
    {
        for (; _waiting > 0; _waiting--)
        {
            _sha.AppendData(_first!); // after the last comes the first
        }
        return Convert.ToHexStringLower(_sha.GetHashAndReset());
    }

    public void Dispose() => _sha.Dispose();
}
