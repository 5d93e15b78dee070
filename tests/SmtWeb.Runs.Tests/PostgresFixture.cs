using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

[assembly: AssemblyFixture(typeof(SmtWeb.Runs.Tests.PostgresFixture))]

namespace SmtWeb.Runs.Tests;

/// <summary>One private PostgreSQL server for all tests; every test takes a database of its own in it.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private readonly SemaphoreSlim _creating = new(1);
    private readonly Lazy<Task<string>> _template;
    private EmbeddedPostgres? _server;
    private int _databases;

    public PostgresFixture() => _template = new(TemplateAsync);

    /// <summary>Why there is no server, if there is none.</summary>
    public string? Missing { get; private set; }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "smtweb-tests-" + Guid.NewGuid().ToString("N")[..8]);

    public EmbeddedPostgres Server => _server ?? throw new InvalidOperationException("No PostgreSQL.");

    public async ValueTask InitializeAsync()
    {
        if (PostgresBinaries.TryFind() is null)
        {
            Missing = "PostgreSQL is not installed (apt-get install postgresql).";
            return;
        }

        _server = await EmbeddedPostgres.StartAsync(Folder, NullLogger.Instance);
        await SyncNothingAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    /// <summary>
    /// Every new database is some 300 files that the next checkpoint has to sync; on a busy disk that took minutes, and both
    /// DROP TABLESPACE and the end of the server wait for a checkpoint. No test cuts the power: what a killed server has
    /// handed to the kernel stays.
    /// </summary>
    private async Task SyncNothingAsync()
    {
        await using var source = NpgsqlDataSource.Create(Server.ConnectionString);
        foreach (string sql in new[] { "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()" })
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>An empty, migrated database. Skips the test where there is no server.</summary>
    public async Task<TestDatabase> DatabaseAsync(bool migrate = true)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        string name = $"test{Interlocked.Increment(ref _databases)}_{Guid.NewGuid().ToString("N")[..6]}";
        await CreateAsync(name, migrate ? await _template.Value : "template1");
        return new TestDatabase(Connection(name));
    }

    // Migrated once: what is tested is the result, and some sixty scripts for every test took longer than most tests.
    private async Task<string> TemplateAsync()
    {
        const string name = "migrated";
        await CreateAsync(name, "template1");
        await using var database = new TestDatabase(Connection(name) + ";Pooling=false"); // nobody may be connected when it is copied
        await database.Database.MigrateAsync();
        return name;
    }

    private async Task CreateAsync(string name, string template)
    {
        // one copy at a time: a template must not be in use
        await _creating.WaitAsync();
        try
        {
            await using var connection = new NpgsqlConnection(Server.ConnectionString);
            await connection.OpenAsync();
            await using var create = new NpgsqlCommand($"CREATE DATABASE {name} TEMPLATE {template}", connection);
            await create.ExecuteNonQueryAsync();
        }
        finally
        {
            _creating.Release();
        }
    }

    private string Connection(string database) =>
        new NpgsqlConnectionStringBuilder(Server.ConnectionString) { Database = database, MaxPoolSize = 20 }.ConnectionString;
}

/// <summary>A database of one test with the services over it.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    public TestDatabase(string connectionString)
    {
        ConnectionString = connectionString;
        _services = new ServiceCollection().AddLogging().AddSmtWebRuns(connectionString).AddRunFeed().BuildServiceProvider();
    }

    public string ConnectionString { get; }

    public IServiceProvider Services => _services;

    public RunsDatabase Database => _services.GetRequiredService<RunsDatabase>();

    public IRunStore Store => _services.GetRequiredService<IRunStore>();

    public RunQueue Queue => _services.GetRequiredService<RunQueue>();

    public WorkItems Items => _services.GetRequiredService<WorkItems>();

    public WorkerRegistry Workers => _services.GetRequiredService<WorkerRegistry>();

    /// <summary>Runs a statement.</summary>
    public async Task<int> SqlAsync(string sql)
    {
        await using var command = Database.Source.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>First value of a query.</summary>
    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Database.Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
