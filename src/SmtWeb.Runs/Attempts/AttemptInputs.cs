using Microsoft.EntityFrameworkCore;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Attempts;

/// <summary>
/// What an attempt works from: the run's spec and the checkpoint that its claim chose; whether that is the one it was forked from,
/// whose data may be others.
/// </summary>
public sealed record AttemptInputs(TrainingSpec Spec, long? CheckpointId, long FirstIteration, bool IsForkBeginning)
{
    /// <summary>Reads the inputs of an attempt that owns its run.</summary>
    /// <exception cref="AttemptFencedException">It does not, or there is no such attempt.</exception>
    /// <exception cref="SpecException">The stored spec is of another version of SmtWeb.</exception>
    public static async Task<AttemptInputs> LoadAsync(RunsDatabase database, long runId, int attempt, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var found = await context
            .Attempts.Where(a => a.RunId == runId && a.Number == attempt)
            .Join(
                context.Runs.Where(r => r.Attempt == attempt),
                a => a.RunId,
                r => r.Id,
                (a, r) =>
                    new
                    {
                        r.Spec,
                        r.State,
                        a.FromCheckpointId,
                        a.FirstIteration,
                        r.ForkedAt,
                    }
            )
            .SingleOrDefaultAsync(ct);
        return found is not null && found.State.IsHeld()
            ? new(SpecJson.ReadStored(found.Spec), found.FromCheckpointId, found.FirstIteration, found.FirstIteration == found.ForkedAt)
            : throw new AttemptFencedException(runId, attempt);
    }
}
