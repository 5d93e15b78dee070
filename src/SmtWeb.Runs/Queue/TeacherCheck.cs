using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// What can be known of a distillation's teacher when it is queued: that it is there, that it can be distilled, and that its
/// network and images are those of the run. The weights themselves are read by the trainer.
/// </summary>
internal static class TeacherCheck
{
    /// <exception cref="SpecException">The teacher cannot be one; says why and what to name instead.</exception>
    public static async Task EnsureAsync(RunsDatabase database, TrainingSpec spec, CancellationToken ct)
    {
        if (spec.Method is not SmdSpec smd)
        {
            return;
        }

        await using var context = await database.ContextAsync(ct);
        var problem = smd.TeacherRun() is { } run
            ? await OfRunAsync(context, run, spec, ct)
            : await OfModelAsync(context, smd.Teacher, spec, ct);
        if (problem is not null)
        {
            throw new SpecException([new("$.method.teacher", problem)]);
        }
    }

    private static async Task<string?> OfRunAsync(SmtWebDbContext context, long id, TrainingSpec spec, CancellationToken ct)
    {
        const string way = " Give the number of a run of the method \"diffusion\", or the name of an imported model.";
        var teacher = await context
            .Runs.Where(r => r.Id == id && r.Trashed == null)
            .Select(r => new
            {
                r.Method,
                r.State,
                r.Spec,
            })
            .SingleOrDefaultAsync(ct);
        if (teacher is null)
        {
            return $"Run {id} does not exist." + way;
        }

        var own = SpecJson.ReadStored(teacher.Spec);
        if (teacher.Method != Teachers.Method)
        {
            return $"Run {id} was trained by \"{ChoiceAttribute.LabelOf(own.Method)}\", and only a diffusion model can be distilled." + way;
        }

        if (teacher.State.IsEnded() && !await context.Checkpoints.AnyAsync(c => c.RunId == id && c.Complete && !c.Damaged, ct))
        {
            return $"Run {id} has ended ({teacher.State}) without a checkpoint; resume it first." + way;
        }

        var (mine, its) = (DataShape.Of(spec.Data), DataShape.Of(own.Data));
        if (ClassNaming.Difference(its.KnownNames, mine.KnownNames) is { } other)
        {
            return $"The teacher, run {id}, has other classes than this run's data: {other}. What it knows as a class must be the same "
                + "class here; choose the teacher's data, or another teacher.";
        }

        return Problem(
            $"run {id}",
            own.Network,
            spec.Network,
            (its.Channels, its.Side, its.Classes),
            (mine.Channels, mine.Side, mine.Classes)
        );
    }

    private static async Task<string?> OfModelAsync(SmtWebDbContext context, string name, TrainingSpec spec, CancellationToken ct)
    {
        if (await context.Models.Where(m => m.Name == name).Select(m => m.Description).SingleOrDefaultAsync(ct) is not { } json)
        {
            return $"'{name}' is neither the number of a run nor the name of an imported model; files and addresses are not read. The page "
                + "Models lists them; `smtweb import FILE --register` adds one.";
        }

        var its = TeacherFile.FromJson(json);
        var mine = DataShape.Of(spec.Data);
        return Problem(
            $"the model {name}",
            its.Network,
            spec.Network,
            (its.Channels, its.Resolution, its.Classes),
            (mine.Channels, mine.Side, mine.Classes)
        );
    }

    private static string? Problem(
        string teacher,
        NetworkSpec its,
        NetworkSpec mine,
        (int Channels, int Side, int Classes) itsData,
        (int Channels, int Side, int Classes) data
    )
    {
        if (itsData != data)
        {
            return $"The teacher, {teacher}, draws {Words(itsData)}; this run's data are {Words(data)}. Choose the teacher's data, or "
                + "another teacher.";
        }

        return Shape(its) == Shape(mine)
            ? null
            : $"The teacher, {teacher}, has another network than this run. Give this run the network settings of its teacher.";
    }

    private static string Words((int Channels, int Side, int Classes) data) =>
        data.Side == 0
            ? "points in the plane"
            : $"images of {data.Side}x{data.Side} with {data.Channels} {(data.Channels == 1 ? "channel" : "channels")} and "
                + $"{(data.Classes == 0 ? "no classes" : $"{data.Classes} classes")}";

    // what gives the weights their names and shapes; dropout and the score network's own α do not
    private static string Shape(NetworkSpec network) =>
        JsonSerializer.Serialize(
            network switch
            {
                UNetSpec unet => unet with { ScoreDropout = 0, AlphaEmbedding = AlphaEmbedding.Paper },
                MlpSpec mlp => mlp with { ScoreHiddenWidth = 0, ScoreHiddenLayers = 0 },
                _ => network,
            }
        );
}
