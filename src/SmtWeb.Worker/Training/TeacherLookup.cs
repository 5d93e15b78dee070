using System.Globalization;
using SmtWeb.Runs;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Worker.Training;

/// <summary>
/// Finds the teacher of a distillation in the database: the newest checkpoint of a diffusion run. Paths are for the shell
/// alone, where whoever names a file may read it anyway.
/// </summary>
internal static class TeacherLookup
{
    /// <summary>Opens the newest checkpoint of run <paramref name="name"/>, a number.</summary>
    /// <exception cref="FileNotFoundException">There is none; says what to name instead.</exception>
    internal static Stream Open(IRunStore store, string name) => OpenAsync(store, name).GetAwaiter().GetResult();

    private static async Task<Stream> OpenAsync(IRunStore store, string name)
    {
        if (!long.TryParse(name.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            throw Missing(name, "is not the number of a run");
        if (await store.FindAsync(id) is not { } run) throw Missing(name, "does not exist");
        if (run.Spec.Method is not DiffusionSpec) throw Missing(name, $"was trained by \"{SpecCatalog.KindLabel(run.Spec.Method)}\", and only a diffusion model can be distilled");
        var newest = (await store.CheckpointsAsync(id)).LastOrDefault() ?? throw Missing(name, "has no checkpoint yet");
        return await store.OpenCheckpointAsync(id, newest.Id) ?? throw Missing(name, "has just lost its checkpoint");
    }

    private static FileNotFoundException Missing(string name, string why) =>
        new($"The teacher ($.method.teacher): run {name} {why}. Give the number of a run of the method \"diffusion\" that has a checkpoint.");
}
