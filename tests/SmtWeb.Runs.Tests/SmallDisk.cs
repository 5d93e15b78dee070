using System.Diagnostics;
using Npgsql;

namespace SmtWeb.Runs.Tests;

/// <summary>A disk of a few megabytes (tmpfs) as a tablespace, to be filled for real. Needs root; skips the test without.</summary>
internal sealed class SmallDisk(string folder, string name) : IAsyncDisposable
{
    private TestDatabase? _database;
    private string _table = "";

    public static async Task<SmallDisk> MountAsync(string under, int megabytes)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small disk needs root.");
        string name = "small_" + Guid.NewGuid().ToString("N")[..6];
        string folder = Path.Combine(under, name);
        Directory.CreateDirectory(folder);
        (int code, string said) = await ShellAsync(
            $"mount -t tmpfs -o size={megabytes}m tmpfs {folder} && chown postgres:postgres {folder}"
        );
        Assert.SkipUnless(code == 0, $"A tmpfs cannot be mounted here: {said}");
        return new(folder, name);
    }

    public async Task TakeAsync(TestDatabase database, string table)
    {
        _database = database;
        _table = table;
        await database.SqlAsync($"CREATE TABLESPACE {name} LOCATION '{folder}'");
        await database.SqlAsync($"ALTER TABLE {table} SET TABLESPACE {name}");
    }

    /// <summary>Somebody makes room.</summary>
    public async Task GrowAsync(int megabytes)
    {
        (int code, string said) = await ShellAsync($"mount -o remount,size={megabytes}m {folder}");
        Assert.True(code == 0, said);
    }

    public async ValueTask DisposeAsync()
    {
        // Neither a full disk, nor a session that a failed test left open, nor a checkpoint that takes its time may hold this up.
        await GrowAsync(megabytes: 1024);
        if (_database is not null)
        {
            await _database.SqlAsync(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            );
            await using var connection = new NpgsqlConnection(_database.ConnectionString + ";Pooling=false;Command Timeout=300");
            await connection.OpenAsync();
            foreach (string sql in new[] { $"DROP TABLE {_table}", $"DROP TABLESPACE {name}" })
            {
                await using var command = new NpgsqlCommand(sql, connection);
                await command.ExecuteNonQueryAsync();
            }
        }

        (int code, string said) = await ShellAsync($"umount {folder}");
        Assert.True(code == 0, said);
    }

    private static async Task<(int Code, string Said)> ShellAsync(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command + " 2>&1"]) { RedirectStandardOutput = true })!;
        string said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said);
    }
}
