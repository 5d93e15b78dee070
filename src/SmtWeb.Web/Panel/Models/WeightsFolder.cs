using System.Collections.Concurrent;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Teachers;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Panel.Models;

/// <summary>A file in the folder. <paramref name="Busy"/>: it is being imported, with so many bytes done.</summary>
public sealed record WeightsFileState(string FileName, long Bytes, DateTimeOffset Changed, long? Busy, string? Problem);

/// <summary>
/// The folder <c>weights</c> under the data root, where the operator puts files of weights, and the imports from it. An
/// import goes on when its page is left; they take turns, because each reads and writes gigabytes.
/// </summary>
public sealed class WeightsFolder : IDisposable
{
    private static readonly string[] Extensions = [".pkl", ".pth", ".pt", ".safetensors"];

    private readonly IModelStore _models;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ConcurrentDictionary<string, (long? Busy, string? Problem)> _imports = new(StringComparer.Ordinal);
    private readonly CancellationToken _stopping;

    /// <summary>The folder of a node.</summary>
    internal WeightsFolder(ServeOptions options, IModelStore models, IHostApplicationLifetime lifetime)
    {
        Folder = Path.Combine(options.Data, "weights");
        (_models, _stopping) = (models, lifetime.ApplicationStopping);
    }

    /// <summary>Where the files lie.</summary>
    public string Folder { get; }

    /// <summary>Something about the files or imports changed.</summary>
    public event Action? Changed;

    /// <summary>Files that may hold weights, by name; links and sub-folders are left out.</summary>
    public IReadOnlyList<WeightsFileState> List()
    {
        var folder = new DirectoryInfo(Folder);
        return !folder.Exists
            ? []
            :
            [
                .. folder
                    .EnumerateFiles()
                    .Where(f => f.LinkTarget is null && Extensions.Contains(f.Extension, StringComparer.OrdinalIgnoreCase))
                    .OrderBy(f => f.Name, StringComparer.Ordinal)
                    .Select(f =>
                    {
                        var (busy, problem) = _imports.GetValueOrDefault(f.Name);
                        return new WeightsFileState(f.Name, f.Length, f.LastWriteTimeUtc, busy, problem);
                    }),
            ];
    }

    /// <summary>Imports a file of the folder; what is wrong with it stands beside it afterwards.</summary>
    /// <param name="fileName">One of <see cref="List"/>: only a name that the folder itself gave is opened.</param>
    /// <param name="name">Name of the model, or null for the file's.</param>
    /// <param name="by">Who asks.</param>
    public async Task ImportAsync(string fileName, string? name, string by)
    {
        if (List().All(f => f.FileName != fileName) || _imports.GetValueOrDefault(fileName).Busy is not null)
        {
            return;
        }

        Set(fileName, 0, null);
        await _turn.WaitAsync(_stopping);
        try
        {
            using var import = await Task.Run(() => TeacherImport.Open(Path.Combine(Folder, fileName), name), _stopping);
            var progress = new Progress(bytes => Set(fileName, bytes, null));
            await _models.AddAsync(import.Description, by, stream => import.Write(stream, progress, _stopping), _stopping);
            Set(fileName, null, null);
        }
        catch (Exception e)
            when (e
                    is IOException
                        or InvalidDataException
                        or InvalidOperationException
                        or ArgumentException
                        or UnauthorizedAccessException
                        or System.Data.Common.DbException
            )
        {
            Set(fileName, null, e.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private void Set(string fileName, long? busy, string? problem)
    {
        _imports[fileName] = (busy, problem);
        Changed?.Invoke();
    }

    /// <summary>At most some ten times a second: each report draws pages.</summary>
    private sealed class Progress(Action<long> report) : IProgress<long>
    {
        private long _last;

        public void Report(long value)
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(_last) < TimeSpan.FromMilliseconds(100))
            {
                return;
            }

            _last = System.Diagnostics.Stopwatch.GetTimestamp();
            report(value);
        }
    }
}
