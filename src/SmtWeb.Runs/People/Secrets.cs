using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace SmtWeb.Runs.People;

/// <summary>Random secrets that are shown once, and their hashes, which are all that is stored.</summary>
internal static class Secrets
{
    private const int RandomBytes = 32;

    /// <summary>256 random bits as base64url.</summary>
    internal static string Create() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>Lower-case hex SHA-256. No salt or stretching: the secret itself is random and long.</summary>
    internal static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
