using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>Writes an LMDB in the ImageNet-64 layout with liblmdb, for tests.</summary>
internal static unsafe partial class LmdbWriter
{
    private const string Library = "liblmdb.so.0";

    /// <summary>Records with pixels [C,H,W] and labels into a new folder.</summary>
    public static void Write(
        string folder,
        int channels,
        int side,
        IReadOnlyList<(byte[] Pixels, long Label)> records,
        string? shape = null
    )
    {
        Directory.CreateDirectory(folder);
        nint env,
            transaction;
        uint database;
        Check(mdb_env_create(&env));
        Check(mdb_env_set_mapsize(env, 256u << 20));
        Check(mdb_env_open(env, folder, 0x400000, 0x1A4));
        Check(mdb_txn_begin(env, 0, 0, &transaction));
        Check(mdb_dbi_open(transaction, null, 0, &database));
        for (var i = 0; i < records.Count; i++)
        {
            Put(transaction, database, $"images_{i}_data", records[i].Pixels);
            var label = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(label, records[i].Label);
            Put(transaction, database, $"labels_{i}_data", label);
        }

        Put(transaction, database, "images_shape", Encoding.ASCII.GetBytes(shape ?? $"{records.Count} {channels} {side} {side}"));
        Put(transaction, database, "labels_shape", Encoding.ASCII.GetBytes($"{records.Count}"));
        Check(mdb_txn_commit(transaction));
        mdb_env_close(env);
    }

    private static void Put(nint transaction, uint database, string key, byte[] data)
    {
        fixed (
            byte* k = Encoding.ASCII.GetBytes(key),
                d = data
        )
        {
            var (keyValue, dataValue) = (
                new Value { Size = (nuint)key.Length, Data = k },
                new Value { Size = (nuint)data.Length, Data = d }
            );
            Check(mdb_put(transaction, database, &keyValue, &dataValue, 0));
        }
    }

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"liblmdb: error {error}");
        }
    }

    [LibraryImport(Library)]
    private static partial int mdb_env_create(nint* env);

    [LibraryImport(Library)]
    private static partial int mdb_env_set_mapsize(nint env, nuint size);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mdb_env_open(nint env, string path, uint flags, int mode);

    [LibraryImport(Library)]
    private static partial void mdb_env_close(nint env);

    [LibraryImport(Library)]
    private static partial int mdb_txn_begin(nint env, nint parent, uint flags, nint* transaction);

    [LibraryImport(Library)]
    private static partial int mdb_txn_commit(nint transaction);

    [LibraryImport(Library)]
    private static partial int mdb_dbi_open(nint transaction, byte* name, uint flags, uint* database);

    [LibraryImport(Library)]
    private static partial int mdb_put(nint transaction, uint database, Value* key, Value* data, uint flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct Value
    {
        public nuint Size;
        public byte* Data;
    }
}
