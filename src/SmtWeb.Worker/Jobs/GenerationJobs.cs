using Hangfire.Server;
using Microsoft.Extensions.Hosting;
using SmtWeb.Runs.Generations;
using SmtWeb.Runs.Queue;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Draws large generations with the models of this node, a piece at a time: what people ask for in between waits for one piece
/// at most, and a batch that a dead process left is gone on with.
/// </summary>
internal sealed class GenerationJobs(
    GenerationBatches batches,
    GenerationService generation,
    WorkItems items,
    JobServerOptions options,
    JobClaims claims,
    IHostApplicationLifetime lifetime
) : IGenerationJobs
{
    private const int PieceImages = 64;

    public async Task<string> DrawAsync(long batchId, string what, PerformContext? context)
    {
        var work = claims.Take<ClaimedItem>(context);
        if (await batches.BeginAsync(work) is not { } batch)
        {
            return "It was taken back before it began.";
        }

        string? problem;
        await using var keeper = new LeaseKeeper(
            () => items.RenewAsync(work, options.Lease),
            options.Lease / 3,
            lifetime.ApplicationStopping
        );
        try
        {
            problem =
                work.Losses >= WorkItems.MostAttempts
                    ? $"given up after {work.Losses} attempts without a sign of life, at image {batch.Drawn}"
                    : await DrawAsync(work, batch, keeper.Over);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            await batches.ReleaseAsync(work);
            throw new WaitsAgainException(work.Queue, "the node closed");
        }
        catch (OperationCanceledException)
        {
            throw new JobAbortedException(); // taken back, or another attempt has it
        }

        await batches.EndAsync(work, problem);
        return problem is null ? $"{batch.Images} images." : throw new WorkFailedException(problem);
    }

    // what keeps it from being drawn, or null
    private async Task<string?> DrawAsync(ClaimedItem work, GenerationBatch batch, CancellationToken ct)
    {
        for (int first = batch.Drawn; first < batch.Images; )
        {
            int count = Math.Min(PieceImages, batch.Images - first);
            ulong[] seeds = [.. Enumerable.Range(first, count).Select(i => batch.FirstSeed + (ulong)i)];
            int[]? labels = batch.Label is { } label ? [.. Enumerable.Repeat(label, count)] : null;
            switch (await generation.GenerateAsync(new(batch.RunId, batch.CheckpointId, seeds, labels, batch.Steps), ct))
            {
                case GenerationResult.Done { Images: { } images }:
                    var pngs = await Task.Run(() => Enumerable.Range(0, count).Select(i => images.ToPng(i)).ToList(), ct);
                    if (!await batches.AddAsync(work, new GenerationPiece(first, pngs, images.Labels), options.Lease, ct))
                    {
                        throw new OperationCanceledException("The batch is another attempt's.");
                    }

                    first += count;
                    break;
                case GenerationResult.Busy busy:
                    await Task.Delay(busy.RetryAfter, ct); // people go first
                    break;
                case GenerationResult.UnknownModel unknown:
                    return unknown.Problem;
                case GenerationResult.Invalid invalid:
                    return invalid.Problem;
                case GenerationResult.Unavailable away:
                    return away.Problem;
                case var other:
                    throw new NotSupportedException($"{other.GetType().Name} draws nothing.");
            }
        }

        return null;
    }
}
