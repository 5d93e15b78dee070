namespace SmtWeb.Web.Cli;

/// <summary>A file that a command makes: written beside its place and moved there, so that no half of it is ever found.</summary>
internal static class OutputFile
{
    /// <summary>
    /// Writes <paramref name="path"/> by <paramref name="write"/>; an older file of that name stays until the new one is whole.
    /// </summary>
    /// <exception cref="CommandLineException">The file is the one that is read.</exception>
    internal static void Write(string path, string source, Action<FileStream> write)
    {
        if (Path.GetFullPath(path) == Path.GetFullPath(source))
        {
            throw new CommandLineException($"--out names the file that is read: {path}.");
        }

        var draft = $"{path}.{Environment.ProcessId}.part";
        try
        {
            using (var file = new FileStream(draft, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 20))
            {
                write(file);
            }

            File.Move(draft, path, overwrite: true);
        }
        finally
        {
            File.Delete(draft);
        }
    }
}
