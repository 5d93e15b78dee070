using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Teachers;

namespace SmtWeb.Runs.Weights;

/// <summary>Models in PostgreSQL.</summary>
internal sealed class ModelStore(RunsDatabase database, TimeProvider clock) : IModelStore
{
    public async Task<IReadOnlyList<StoredModel>> ListAsync(CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var rows = await context.Models.AsNoTracking().OrderBy(m => m.Name).ToListAsync(ct);
        return [.. rows.Select(Show)];
    }

    public async Task<StoredModel?> FindAsync(string name, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context.Models.AsNoTracking().SingleOrDefaultAsync(m => m.Name == name, ct) is { } row ? Show(row) : null;
    }

    public async Task<StoredModel> AddAsync(TeacherDescription description, string by, Action<Stream> write, CancellationToken ct = default)
    {
        // Told before gigabytes are written; the unique index decides where two write at the same time.
        if (await FindAsync(description.Name, ct) is not null)
        {
            throw new ModelNameTakenException(description.Name);
        }

        var row = new ModelRow
        {
            Name = description.Name,
            Description = TeacherFile.ToJson(description),
            At = clock.GetUtcNow(),
            By = by,
            Sha256 = "",
        };
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        try
        {
            row.Id = await connection.ScalarAsync<long>(
                "INSERT INTO models (name, description, bytes, chunks, sha256, at, by) VALUES ($1, $2::jsonb, 0, 0, '', $3, $4) "
                    + "RETURNING id",
                [row.Name, row.Description, row.At, row.By],
                ct
            );
            await using (var stream = new ModelWriter(connection, row.Id, ct))
            {
                await Task.Run(() => write(stream), ct);
                (row.Bytes, row.Chunks, row.Sha256) = stream.Finish();
            }

            await connection.ExecuteAsync(
                "UPDATE models SET bytes = $2, chunks = $3, sha256 = $4 WHERE id = $1",
                [row.Id, row.Bytes, row.Chunks, row.Sha256],
                ct
            );
            await transaction.CommitAsync(ct);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new ModelNameTakenException(description.Name);
        }

        return Show(row);
    }

    public async Task<Stream?> OpenAsync(string name, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var facts = await context
            .Models.Where(m => m.Name == name)
            .Select(m => new
            {
                m.Id,
                m.Chunks,
                m.Bytes,
            })
            .SingleOrDefaultAsync(ct);
        return facts is null ? null : CheckpointReader.OfModel(database.Source, facts.Id, facts.Chunks, facts.Bytes);
    }

    public async Task<ChangeResult> DeleteAsync(string name, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        long user = await connection.ScalarAsync<long>(
            "SELECT id FROM runs WHERE spec #>> '{method,teacher}' = $1 AND state NOT IN ('Finished', 'Failed', 'Cancelled') ORDER BY "
                + "id LIMIT 1",
            [name],
            ct
        );
        if (user > 0)
        {
            return new(ChangeOutcome.Conflict, $"Run {user} has not ended and names '{name}' as its teacher; stop it first.");
        }

        int deleted = await connection.ExecuteAsync("DELETE FROM models WHERE name = $1", [name], ct);
        return deleted > 0 ? ChangeResult.Done : new(ChangeOutcome.NotFound, $"There is no model '{name}'.");
    }

    private static StoredModel Show(ModelRow row) =>
        new(row.Id, TeacherFile.FromJson(row.Description), row.Bytes, row.Sha256, row.At, row.By);
}
