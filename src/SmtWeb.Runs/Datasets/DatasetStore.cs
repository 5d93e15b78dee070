using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Datasets;

/// <summary>Registered data sets: what pages, REST and new runs ask and change.</summary>
public sealed class DatasetStore(RunsDatabase database)
{
    /// <summary>Longest name.</summary>
    public const int LongestName = 200;

    /// <summary>All of them, by name.</summary>
    public async Task<IReadOnlyList<DatasetSummary>> ListAsync(CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return [.. (await Facts(context.Datasets.OrderBy(d => d.Name)).ToListAsync(ct)).Select(Show)];
    }

    /// <summary>One, or null.</summary>
    public async Task<DatasetSummary?> FindAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return (await Facts(context.Datasets.Where(d => d.Id == id)).ToListAsync(ct)).Select(Show).SingleOrDefault();
    }

    /// <summary>The grid of real samples (PNG), or null.</summary>
    public async Task<byte[]?> SamplesPngAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context.Datasets.Where(d => d.Id == id).Select(d => d.Samples).SingleOrDefaultAsync(ct);
    }

    /// <summary>Registers a data set and queues its check; returns its id.</summary>
    /// <exception cref="SpecException">A member is wrong, or name or path are taken.</exception>
    public async Task<long> RegisterAsync(NewDataset wanted, CancellationToken ct = default)
    {
        var errors = new List<SpecError>();
        var name = NameRule.Trim(wanted.Name);
        if (NameRule.Problem(name, LongestName) is { } wrong)
        {
            errors.Add(new("$.name", wrong));
        }
        var path = "";
        try
        {
            path = wanted.Path.Trim().Length == 0 ? "" : DatasetRoot.Normalise(wanted.Path.Trim());
            if (path.Length is 0 or > 400)
            {
                errors.Add(
                    new("$.path", $"A path of 1 to 400 characters below {DatasetRoot.Folder} is needed, such as cifar-10-python.tar.gz.")
                );
            }
        }
        catch (SpecException e)
        {
            errors.AddRange(e.Errors.Select(x => x with { Path = "$.path" }));
        }

        if (wanted.Kind.Length > 0 && DatasetCheck.SpecOf(wanted.Kind) is null)
        {
            errors.Add(new("$.kind", $"There is no kind \"{wanted.Kind}\"; leave it out, or use {string.Join(", ", DatasetCheck.Kinds)}."));
        }
        if (wanted.Side is < 0 or > 1024)
        {
            errors.Add(new("$.side", $"Side is {wanted.Side}; it must be from 0 (that of the data) to 1024."));
        }
        if (errors.Count > 0)
        {
            throw new SpecException(errors);
        }
        await using var context = await database.ContextAsync(ct);
        if (await context.Datasets.AnyAsync(d => d.Name == name, ct))
        {
            throw Taken(name, path, isName: true);
        }
        if (await context.Datasets.AnyAsync(d => d.Path == path, ct))
        {
            throw Taken(name, path, isName: false);
        }

        var row = new DatasetRow
        {
            Name = name,
            Path = path,
            Kind = wanted.Kind,
            SkipCorrupt = wanted.SkipCorrupt,
            WantedSide = wanted.Side,
            State = DatasetState.Queued,
            CreatedBy = wanted.By,
            Created = DateTimeOffset.UtcNow,
        };
        context.Datasets.Add(row);
        await using var transaction = await context.Database.BeginTransactionAsync(ct);
        try
        {
            await context.SaveChangesAsync(ct);
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } taken)
        {
            // two people at the same moment
            throw Taken(name, path, taken.ConstraintName?.EndsWith("name", StringComparison.Ordinal) == true);
        }

        var connection = (NpgsqlConnection)context.Database.GetDbConnection();
        await WorkItems.AddAsync(connection, JobQueues.Datasets, row.Id, row.Name, null, ct);
        await connection.NotifyAsync(RunChannels.Datasets, "", ct);
        await transaction.CommitAsync(ct);
        return row.Id;
    }

    /// <summary>Queues the check again, skipping corrupt records or not; false where there is no such data set.</summary>
    public async Task<bool> CheckAgainAsync(long id, bool skipCorrupt, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // a check that is going on learns with its next report that it is not wanted any more
        await WorkItems.WithdrawAsync(connection, JobQueues.Datasets, id, "It is to be checked again.", ct);
        string? name = await connection.ScalarAsync<string>(
            "UPDATE datasets SET state = 'Queued', skip_corrupt = $2, problem = NULL, phase = NULL, progress = 0 WHERE id = $1 "
                + "RETURNING name",
            [id, skipCorrupt],
            ct
        );
        if (name is not null)
        {
            await WorkItems.AddAsync(connection, JobQueues.Datasets, id, name, null, ct);
        }
        await connection.NotifyAsync(RunChannels.Datasets, "", ct);
        await transaction.CommitAsync(ct);
        return name is not null;
    }

    /// <summary>Forgets a data set; its files stay. Runs keep their specs. False where there is no such data set.</summary>
    public async Task<bool> DeleteAsync(long id, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await WorkItems.WithdrawAsync(connection, JobQueues.Datasets, id, "The data set was removed.", ct);
        bool deleted = await connection.ExecuteAsync("DELETE FROM datasets WHERE id = $1", [id], ct) > 0;
        await transaction.CommitAsync(ct);
        return deleted;
    }

    /// <summary>
    /// A spec whose stored data are named by a registered name or path, with the path and everything that the check found
    /// filled in. Other specs come back as they are; what is then still open is an error.
    /// </summary>
    /// <exception cref="SpecException">
    /// The data set is not ready, or is of another kind, or is not registered and its shape not stated.
    /// </exception>
    public async Task<TrainingSpec> ResolveAsync(TrainingSpec spec, CancellationToken ct = default)
    {
        if (spec.Data is not StoredDataSpec data)
        {
            return spec;
        }
        var path = DatasetRoot.Normalise(data.Source);
        await using var context = await database.ContextAsync(ct);
        var found = (await Facts(context.Datasets.Where(d => d.Name == data.Source || d.Path == path)).ToListAsync(ct))
            .Select(Show)
            .OrderByDescending(d => d.Name == data.Source)
            .FirstOrDefault();
        if (found is null)
        {
            return data is ShapedDataSpec { Side: 0 } or ShapedDataSpec { Channels: 0 }
                    ? throw new SpecException([
                        new(
                            "$.data.source",
                            $"Data set \"{data.Source}\" is not registered, and its side and channels are not stated. Register it (page "
                                + "Datasets, or POST /api/v1/datasets), or state them."
                        ),
                    ])
                : IsHash(data.Sha256) ? spec
                : throw new SpecException([
                    new(
                        "$.data.sha256",
                        $"SHA-256 is \"{data.Sha256}\", which is no SHA-256: 64 digits of 0-9 and a-f. Leave it out, or give what "
                            + "`smtweb dataset check` prints."
                    ),
                ]);
        }

        if (found.State != DatasetState.Ready)
        {
            throw new SpecException([
                new(
                    "$.data.source",
                    $"Data set \"{found.Name}\" is not ready "
                        + $"({found.State.ToString().ToLowerInvariant()}{(found.Problem is null ? "" : $": {found.Problem}")})."
                ),
            ]);
        }
        // what a person wrote, or a clone has of its run, is compared, never replaced in silence
        if (data.Sha256.Length > 0 && !string.Equals(data.Sha256, found.Sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new SpecException([
                new(
                    "$.data.sha256",
                    $"SHA-256 is \"{data.Sha256}\", and that of \"{found.Name}\" is {found.Sha256}: these are other data than the spec "
                        + "means. Leave sha256 out (clear the field) to train on what is registered now."
                ),
            ]);
        }
        if (data is ShapedDataSpec { ClassNames: { Count: > 0 } names } && ClassNaming.Difference(names, found.ClassNames) is { } other)
        {
            throw new SpecException([
                new(
                    "$.data.classNames",
                    $"The classes of \"{found.Name}\" are not those of the spec: {other}. Leave classNames out (clear the field) to "
                        + "train on what is registered now."
                ),
            ]);
        }
        return spec with { Data = SpecOf(found, data) };
    }

    /// <summary>The spec of a registered data set; <paramref name="like"/> keeps what a person chose (flips, conditional).</summary>
    /// <exception cref="SpecException"><paramref name="like"/> is of another kind.</exception>
    public static StoredDataSpec SpecOf(DatasetSummary dataset, StoredDataSpec? like = null)
    {
        var own =
            DatasetCheck.SpecOf(dataset.Kind)
            ?? throw new InvalidOperationException($"Data set {dataset.Id} is of the unknown kind \"{dataset.Kind}\".");
        if (like is not null && like.GetType() != own.GetType())
        {
            throw new SpecException([
                new("$.data.kind", $"Data set \"{dataset.Name}\" is of the kind \"{dataset.Kind}\", not \"{DatasetCheck.KindOf(like)}\"."),
            ]);
        }
        var spec = like ?? own with { Conditional = own.Conditional && dataset.Classes > 0 };
        spec = spec with
        {
            Source = dataset.Path,
            Sha256 = dataset.Sha256 ?? "",
            SkipCorrupt = spec.SkipCorrupt || dataset is { SkipCorrupt: true, CorruptCount: > 0 },
        };
        return ImageSources.Complete(spec, dataset.Side, dataset.Channels, dataset.Classes, dataset.ClassNames);
    }

    private static bool IsHash(string text) => text.Length == 0 || (text.Length == 64 && text.All(char.IsAsciiHexDigit));

    private static SpecException Taken(string name, string path, bool isName) =>
        new([
            new(isName ? "$.name" : "$.path", isName ? $"There is already a data set named \"{name}\"." : $"{path} is already registered."),
        ]);

    private static IQueryable<DatasetRow> Facts(IQueryable<DatasetRow> rows) =>
        rows.AsNoTracking()
            .Select(d => new DatasetRow
            {
                Id = d.Id,
                Name = d.Name,
                Path = d.Path,
                Kind = d.Kind,
                State = d.State,
                Problem = d.Problem,
                Phase = d.Phase,
                Progress = d.Progress,
                SkipCorrupt = d.SkipCorrupt,
                Sha256 = d.Sha256,
                Bytes = d.Bytes,
                Records = d.Records,
                Side = d.Side,
                Channels = d.Channels,
                ClassNames = d.ClassNames,
                ClassCounts = d.ClassCounts,
                CorruptCount = d.CorruptCount,
                Corrupt = d.Corrupt,
                SampleColumns = d.SampleColumns,
                SampleLabels = d.SampleLabels,
                CreatedBy = d.CreatedBy,
                Created = d.Created,
                Checked = d.Checked,
                Notes = d.Notes,
            });

    private static DatasetSummary Show(DatasetRow d) =>
        new(
            d.Id,
            d.Name,
            d.Path,
            d.Kind,
            d.State,
            d.Problem,
            d.Phase,
            d.Progress,
            d.SkipCorrupt,
            d.Sha256,
            d.Bytes,
            d.Records,
            d.Side,
            d.Channels,
            d.ClassNames,
            d.ClassCounts,
            d.CorruptCount,
            d.Corrupt,
            d.SampleColumns,
            d.SampleLabels,
            d.CreatedBy,
            d.Created,
            d.Checked
        )
        {
            Notes = d.Notes,
        };
}
