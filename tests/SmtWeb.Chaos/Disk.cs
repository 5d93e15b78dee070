using System.Diagnostics;

namespace SmtWeb.Chaos;

/// <summary>A small disk (tmpfs) for the database, to be filled for real. Needs root; there is none without.</summary>
internal sealed class Disk : IDisposable
{
    private const string Ballast = "ballast";

    private Disk(string folder) => Folder = folder;

    public string Folder { get; }

    public static async Task<Disk?> MountAsync(int megabytes)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return null;
        }

        var folder = Directory.CreateTempSubdirectory("smtweb-chaos-").FullName;
        if (await Shell.RunAsync($"mount -t tmpfs -o size={megabytes}m,mode=755 tmpfs {folder}") == 0)
        {
            return new(folder);
        }

        Directory.Delete(folder);
        return null;
    }

    /// <summary>No byte is left.</summary>
    public Task FillAsync() => Shell.RunAsync($"dd if=/dev/zero of={Path.Combine(Folder, Ballast)} bs=1M");

    /// <summary>Somebody makes room.</summary>
    public void Clear() => File.Delete(Path.Combine(Folder, Ballast));

    public void Dispose()
    {
        using var unmount = Process.Start("umount", ["--lazy", Folder]);
        unmount.WaitForExit();
        Directory.Delete(Folder);
    }
}
