using System.Runtime.InteropServices;

namespace SmtWeb.Data.Formats;

/// <summary>The reading part of liblmdb 0.9.</summary>
internal static unsafe partial class Lmdb
{
    internal const string Library = "liblmdb.so.0";

    /// <summary>Flags of mdb_env_open.</summary>
    internal const uint NoSubdirectory = 0x4000,
        ReadOnly = 0x20000,
        NoThreadLocal = 0x200000,
        NoLock = 0x400000,
        NoReadAhead = 0x800000;

    internal const int NotFound = -30798;

    [LibraryImport(Library)]
    internal static partial int mdb_env_create(nint* env);

    [LibraryImport(Library)]
    internal static partial int mdb_env_set_mapsize(nint env, nuint size);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mdb_env_open(nint env, string path, uint flags, int mode);

    [LibraryImport(Library)]
    internal static partial void mdb_env_close(nint env);

    [LibraryImport(Library)]
    internal static partial int mdb_txn_begin(nint env, nint parent, uint flags, nint* transaction);

    [LibraryImport(Library)]
    internal static partial void mdb_txn_abort(nint transaction);

    [LibraryImport(Library)]
    internal static partial int mdb_dbi_open(nint transaction, byte* name, uint flags, uint* database);

    [LibraryImport(Library)]
    internal static partial int mdb_get(nint transaction, uint database, Value* key, Value* data);

    [LibraryImport(Library)]
    internal static partial nint mdb_strerror(int error);

    [StructLayout(LayoutKind.Sequential)]
    internal struct Value
    {
        public nuint Size;
        public byte* Data;
    }
}
