using System.Globalization;

namespace SmtWeb.Web.Hosting;

/// <summary>
/// The data folder with the embedded database belongs to one node at a time: two would share its PostgreSQL, and the first
/// to end would stop it for the other. The claim ends with the process, however that ends.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream claim;

    private DataFolder(FileStream claim) => this.claim = claim;

    /// <summary>Claims <paramref name="folder"/>, which exists, for this process.</summary>
    /// <exception cref="IOException">Another node has it.</exception>
    internal static DataFolder Claim(string folder)
    {
        // two files: a locked one cannot be read by those who want to name its owner
        var (file, owner) = (Path.Combine(folder, "node.lock"), Path.Combine(folder, "node.pid"));
        try
        {
            var claim = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new DataFolder(claim);
        }
        catch (IOException e) when (File.Exists(owner))
        {
            throw new IOException($"The data folder {folder} is in use by another SmtWeb (process {File.ReadAllText(owner)}). Stop that one first, or choose another folder with --data DIR.", e);
        }
    }

    public void Dispose() => claim.Dispose();
}
