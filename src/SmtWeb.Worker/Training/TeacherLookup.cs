using SmtWeb.Data.Settings;
using SmtWeb.Runs;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Worker.Training;

/// <summary>
/// Finds the teacher of a distillation in the database: the newest checkpoint of a diffusion run, or an imported model.
/// Paths are for the shell alone, where whoever names a file may read it anyway.
/// </summary>
internal static class TeacherLookup
{
    /// <summary>Opens the newest checkpoint of run <paramref name="name"/>, a number, or else the imported model of that name.</summary>
    /// <exception cref="FileNotFoundException">There is none; says what to name instead.</exception>
    internal static Stream Open(IRunStore store, IModelStore models, string name) =>
        OpenAsync(store, models, name).GetAwaiter().GetResult();

    private static async Task<Stream> OpenAsync(IRunStore store, IModelStore models, string name)
    {
        if (new SmdSpec { Teacher = name }.TeacherRun() is not { } id)
        {
            return await models.OpenAsync(name)
                ?? throw new FileNotFoundException(
                    $"The teacher ($.method.teacher): '{name}' is neither the number of a run nor the name of an imported model. The "
                        + "panel lists them under Models; `smtweb import FILE --register` adds one."
                );
        }

        if (await store.FindAsync(id) is not { } run)
        {
            throw Missing(name, "does not exist");
        }
        if (run.Spec.Method is not DiffusionSpec)
        {
            throw Missing(
                name,
                $"was trained by \"{ChoiceAttribute.LabelOf(run.Spec.Method)}\", and only a diffusion model can be distilled"
            );
        }
        if (run.Summary.State is RunState.Queued or RunState.Starting or RunState.Running or RunState.Stopping or RunState.Recovering)
        {
            throw Missing(name, "is not finished; resume this run when it is");
        }
        var newest = (await store.CheckpointsAsync(id)).LastOrDefault() ?? throw Missing(name, "has no checkpoint yet");
        return await store.OpenCheckpointAsync(id, newest.Id) ?? throw Missing(name, "has just lost its checkpoint");
    }

    private static FileNotFoundException Missing(string name, string why) =>
        new(
            $"The teacher ($.method.teacher): run {name} {why}. Give the number of a run of the method \"diffusion\" that has a "
                + "checkpoint, or the name of an imported model."
        );
}
