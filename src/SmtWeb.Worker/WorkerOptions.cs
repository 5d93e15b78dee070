namespace SmtWeb.Worker;

/// <summary>Settings of a worker.</summary>
public sealed record WorkerOptions
{
    /// <summary>The database that the trainers connect to.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Runs trained at a time: one per device.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>CPU threads of a trainer whose spec leaves them open.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>Silence after which a trainer is taken for lost.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a trainer goes on without its database before it gives up. Hangfire's servers wait for five minutes more
    /// (<c>ServerTimeout</c>), so that no job is at work on a server that was given up.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>
    /// Outage of the database after which Hangfire replaces its server; null: five minutes more than <see cref="Patience"/>.
    /// </summary>
    public TimeSpan? ServerTimeout { get; init; }

    /// <summary>How long trainers may take for their last checkpoint when the worker shuts down.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>A trainer that asked for no signal and wrote nothing for so long is stuck, and its lease is left to run out.</summary>
    public TimeSpan StallLimit { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>
    /// Folder of the Inception network and of cached statistics, for trainers and evaluations; null: the one that this process would take.
    /// </summary>
    public string? MetricsFolder { get; init; }

    /// <summary>Program and leading arguments of a trainer; null: this same program.</summary>
    public IReadOnlyList<string>? TrainerProgram { get; init; }
}
