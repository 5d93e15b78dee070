using SmtWeb.Runs;
using SmtWeb.Runs.Weights;
using SmtWeb.Worker.Imports;

namespace SmtWeb.Web.Panel.Models;

/// <summary>
/// The folder <c>weights</c> under the data root, where the operator puts files of weights. Imports are jobs of this node's own
/// queue: they go on when their page is left, outlive the process, and take turns.
/// </summary>
public sealed class WeightsFolder(ImportOptions options, ModelImports imports)
{
    private static readonly string[] Extensions = [".pkl", ".pth", ".pt", ".safetensors"];

    /// <summary>Where the files lie.</summary>
    public string Folder => options.Folder;

    /// <summary>Files that may hold weights, by name; links and sub-folders are left out.</summary>
    public async Task<IReadOnlyList<WeightsFileState>> ListAsync(CancellationToken ct = default)
    {
        var files = Files();
        var known = files.Count == 0 ? [] : (await imports.NewestAsync(options.Queue, ct)).ToDictionary(i => i.File);
        return [.. files.Select(f => new WeightsFileState(f.Name, f.Length, f.LastWriteTimeUtc, known.GetValueOrDefault(f.Name)))];
    }

    /// <summary>Queues the import of a file of the folder; what is wrong with it stands beside it afterwards.</summary>
    /// <param name="fileName">One of <see cref="ListAsync"/>: only a name that the folder itself gave is opened.</param>
    /// <param name="name">Name of the model, or null for the file's.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="ct">Ends the asking.</param>
    public async Task<ChangeResult> ImportAsync(string fileName, string? name, string by, CancellationToken ct = default) =>
        Files().Any(f => f.Name == fileName)
            ? await imports.QueueAsync(options.Queue, fileName, name, by, ct)
            : new(ChangeOutcome.NotFound, $"There is no file of weights '{fileName}' in {Folder}.");

    private List<FileInfo> Files()
    {
        var folder = new DirectoryInfo(Folder);
        return !folder.Exists
            ? []
            :
            [
                .. folder
                    .EnumerateFiles()
                    .Where(f => f.LinkTarget is null && Extensions.Contains(f.Extension, StringComparer.OrdinalIgnoreCase))
                    .OrderBy(f => f.Name, StringComparer.Ordinal),
            ];
    }
}
