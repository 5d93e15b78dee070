using Microsoft.Extensions.Hosting;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.People;

/// <summary>
/// Tells this node that somebody may have lost something (a session, a password, a role, an account, a key), on whichever
/// node that happened: open pages and hub connections, which no request checks, then ask whether they may stay. The database
/// itself raises the word (a trigger), so that no way of losing a right is forgotten.
/// </summary>
public sealed class Departures(RunsDatabase database) : BackgroundService
{
    /// <summary>Channel of LISTEN/NOTIFY; the payload is the account's id.</summary>
    public const string Channel = "smtweb_people";

    /// <summary>Raised with the account's id; with null where a word may have been missed, and everybody should ask.</summary>
    public event Action<string?>? Happened;

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new DatabaseListener(database.Source, Channel).RunAsync(
            userId => Happened?.Invoke(userId),
            () => Happened?.Invoke(null),
            stoppingToken
        );
}
