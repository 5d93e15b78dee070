using System.Globalization;
using SmtWeb.Data.Files;

namespace SmtWeb.Web.Hosting;

/// <summary>
/// The data folder with the embedded database belongs to one node at a time: two would share its PostgreSQL, and the first
/// to end would stop it for the other. The claim ends with the process, however that ends.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream _claim;

    private DataFolder(FileStream claim) => _claim = claim;

    /// <summary>Claims <paramref name="folder"/>, which exists, for this process.</summary>
    /// <exception cref="IOException">Another node has it.</exception>
    internal static DataFolder Claim(string folder)
    {
        // two files: a locked one cannot be read by those who want to name its owner
        var (file, owner) = (Path.Combine(folder, "node.lock"), Path.Combine(folder, "node.pid"));
        if (LockFile.TryTake(file) is not { } claim)
        {
            var who = File.Exists(owner) ? $" (process {File.ReadAllText(owner)})" : "";
            throw new IOException(
                $"The data folder {folder} is in use by another SmtWeb{who}. Stop that one first, or choose another folder with --data DIR."
            );
        }

        File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return new DataFolder(claim);
    }

    public void Dispose() => _claim.Dispose();
}
