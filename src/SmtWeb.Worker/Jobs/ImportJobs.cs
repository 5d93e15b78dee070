using Hangfire.Server;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Teachers;
using SmtWeb.Worker.Imports;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Imports files of weights, on the node in whose folder they lie, one at a time: each reads and writes gigabytes. One that a
/// dead process left is done again from the start, and a model that it had stored already is recognised.
/// </summary>
internal sealed class ImportJobs(
    ModelImports imports,
    IModelStore models,
    ImportOptions folder,
    JobServerOptions options,
    JobClaims claims,
    IHostApplicationLifetime lifetime
) : IImportJobs
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    public async Task<string> ImportAsync(long importId, string file, PerformContext? context)
    {
        var work = claims.Take<ClaimedItem>(context);
        if (await imports.BeginAsync(work) is not { } wanted)
        {
            return "It was taken back before it began.";
        }

        string problem;
        var progress = new Progress();
        await using var keeper = new LeaseKeeper(
            () => imports.RenewAsync(work, progress.Bytes, options.Lease),
            Between,
            lifetime.ApplicationStopping
        );
        try
        {
            if (work.Losses >= WorkItems.MostAttempts)
            {
                throw new InvalidDataException($"given up after {work.Losses} attempts without a sign of life");
            }

            await StoreAsync(wanted, progress, keeper.Over);
            await imports.EndAsync(work, null);
            return $"{file} is a model.";
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            await imports.ReleaseAsync(work);
            throw new WaitsAgainException(work.Queue, "the node closed");
        }
        catch (OperationCanceledException)
        {
            throw new JobAbortedException(); // another attempt has it
        }
        catch (Exception e)
            when (e
                    is IOException
                        or InvalidDataException
                        or InvalidOperationException
                        or ArgumentException
                        or UnauthorizedAccessException
                        or PostgresException
            )
        {
            problem = e.Message;
        }

        await imports.EndAsync(work, problem);
        throw new WorkFailedException(problem);
    }

    private async Task StoreAsync(ModelImport wanted, Progress progress, CancellationToken ct)
    {
        using var import = await Task.Run(() => TeacherImport.Open(Path.Combine(folder.Folder, wanted.File), wanted.Name), ct);
        try
        {
            await models.AddAsync(import.Description, wanted.By, stream => import.Write(stream, progress, ct), ct);
        }
        catch (ModelNameTakenException)
        {
            var there = await models.FindAsync(import.Description.Name, ct);
            if (there is null || there.At < wanted.Created || there.Description.SourceSha256 != import.Description.SourceSha256)
            {
                throw;
            }

            // an earlier attempt at this import stored it, and died before it could say so
        }
    }

    private sealed class Progress : IProgress<long>
    {
        private long _bytes;

        public long Bytes => Volatile.Read(ref _bytes);

        public void Report(long value) => Volatile.Write(ref _bytes, value);
    }
}
