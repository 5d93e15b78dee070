using System.Runtime.InteropServices;

namespace SmtWeb.Data.Files.Interop;

/// <summary>
/// What a path is, from Linux itself: .NET tells no pipe or device from a file, and its way of opening waits for whoever
/// would write into a pipe.
/// </summary>
internal static unsafe partial class FileStatus
{
    /// <summary>errno of what does not exist.</summary>
    internal const int NoEntry = 2,
        NotADirectory = 20;

    /// <summary>errno of what may not be read.</summary>
    internal const int NoPermission = 13;

    /// <summary>Kinds as st_mode holds them.</summary>
    internal const int Pipe = 0x1000,
        CharacterDevice = 0x2000,
        Folder = 0x4000,
        BlockDevice = 0x6000,
        Regular = 0x8000,
        Socket = 0xC000;

    private const int KindMask = 0xF000;
    private const int CurrentFolder = -100;
    private const int EmptyPath = 0x1000;
    private const uint WantKind = 1;

    // struct statx is the same on every architecture: 256 bytes, stx_mode (16 bits) at 28
    private const int Size = 256,
        Mode = 28;

    // the same numbers on x86-64 and arm64
    private const int ReadOnly = 0,
        NoWait = 0x800,
        CloseOnExec = 0x80000;

    /// <summary>The kind of what lies at a path, links followed; or an errno.</summary>
    internal static (int Kind, int Error) Of(string path) => Ask(CurrentFolder, path, 0);

    /// <summary>The kind of an open file; or an errno.</summary>
    internal static (int Kind, int Error) Of(int descriptor) => Ask(descriptor, "", EmptyPath);

    /// <summary>Opens for reading without waiting for anybody; -1 and an errno where that fails.</summary>
    internal static (int Descriptor, int Error) Open(string path)
    {
        var descriptor = open(path, ReadOnly | NoWait | CloseOnExec, 0);
        return (descriptor, descriptor < 0 ? Marshal.GetLastPInvokeError() : 0);
    }

    private static (int Kind, int Error) Ask(int at, string path, int flags)
    {
        var status = stackalloc byte[Size];
        return statx(at, path, flags, WantKind, status) == 0
            ? (*(ushort*)(status + Mode) & KindMask, 0)
            : (0, Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int at, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int open(string path, int flags, uint mode);
}
