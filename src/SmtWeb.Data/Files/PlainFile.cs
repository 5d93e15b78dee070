using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SmtWeb.Data.Files.Interop;

namespace SmtWeb.Data.Files;

/// <summary>
/// The one way in which files of other people are opened: data sets, weights, statistics. What is no regular file (a named
/// pipe, a device, a socket, a folder) is refused at once with a message that names it; nothing is ever waited for.
/// </summary>
public static class PlainFile
{
    /// <summary>Opens a file for reading; others may go on writing it.</summary>
    /// <exception cref="FileNotFoundException">There is nothing of this name.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IrregularFileException">It is no regular file; says what it is.</exception>
    public static FileStream OpenRead(string path) => new(OpenHandle(path), FileAccess.Read);

    /// <inheritdoc cref="OpenRead"/>
    public static SafeFileHandle OpenHandle(string path)
    {
        Ensure(path);
        var (descriptor, error) = FileStatus.Open(path);
        if (error != 0)
        {
            throw Failed(path, error);
        }
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        // whoever may write into the folder could have exchanged it in between
        var (kind, _) = FileStatus.Of(descriptor);
        if (kind == FileStatus.Regular)
        {
            return handle;
        }
        handle.Dispose();
        throw Refused(path, kind);
    }

    /// <summary>All bytes of a file that has at most <paramref name="most"/>.</summary>
    /// <exception cref="InvalidDataException">It is larger.</exception>
    /// <inheritdoc cref="OpenRead"/>
    public static byte[] ReadAllBytes(string path, long most)
    {
        using var file = OpenRead(path);
        if (file.Length > most)
        {
            throw new InvalidDataException($"{path}: has {file.Length:N0} bytes; at most {most:N0} are read.");
        }
        var bytes = new byte[file.Length];
        return file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) is var got && got == bytes.Length ? bytes : bytes[..got];
    }

    /// <summary>Throws where a path is there and is no regular file; nothing is opened.</summary>
    /// <inheritdoc cref="OpenRead"/>
    public static void Ensure(string path)
    {
        var (kind, error) = FileStatus.Of(path);
        if (error != 0)
        {
            throw Failed(path, error);
        }
        if (kind != FileStatus.Regular)
        {
            throw Refused(path, kind);
        }
    }

    /// <summary>As <see cref="Ensure"/>, where a folder is good as well.</summary>
    /// <inheritdoc cref="OpenRead"/>
    public static void EnsureFileOrFolder(string path)
    {
        if (FileStatus.Of(path) is not (FileStatus.Folder, 0))
        {
            Ensure(path);
        }
    }

    /// <summary>Whether a path is a regular file, or a link to one.</summary>
    public static bool Exists(string path) => FileStatus.Of(path) is (FileStatus.Regular, 0);

    private static IrregularFileException Refused(string path, int kind)
    {
        var what = kind switch
        {
            FileStatus.Pipe => "a named pipe",
            FileStatus.CharacterDevice or FileStatus.BlockDevice => "a device",
            FileStatus.Folder => "a folder",
            FileStatus.Socket => "a socket",
            _ => "something else",
        };
        return new IrregularFileException($"{path}: is {what}; only a regular file is read here.");
    }

    private static Exception Failed(string path, int error) =>
        error switch
        {
            FileStatus.NoEntry or FileStatus.NotADirectory => new FileNotFoundException($"{path}: there is no such file.", path),
            FileStatus.NoPermission => new UnauthorizedAccessException($"{path}: may not be read by the user of SmtWeb."),
            _ => new IOException($"{path}: cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}."),
        };
}
