namespace SmtWeb.Data.Files;

/// <summary>A file that one process at a time holds. The claim ends with the process, however that ends.</summary>
public static class LockFile
{
    // errno of a lock that another process holds (EWOULDBLOCK); every other fault is one that waiting does not mend
    private const int Held = 11;

    /// <summary>Takes it; null where another process has it.</summary>
    /// <exception cref="DirectoryNotFoundException">Its folder is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <exception cref="IOException">It cannot be made: a full disk, too many open files, …</exception>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            return null;
        }
    }
}
