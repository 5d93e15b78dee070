using System.Text.Json;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Which settings a fork may change: a run that goes on from another run's checkpoint. Everything may differ but what gives the weights in
/// the checkpoint their names, shapes and meaning.
/// </summary>
public static class ForkRules
{
    // a network trains with any of it
    private static readonly string[] Free = ["scoreDropout"];

    /// <summary>
    /// What keeps <paramref name="spec"/> from going on at iteration <paramref name="iteration"/> of a run of <paramref name="parent"/>;
    /// empty where nothing does.
    /// </summary>
    public static IReadOnlyList<SpecError> Check(TrainingSpec parent, TrainingSpec spec, long iteration)
    {
        var errors = new List<SpecError>();
        if (Family(parent.Method) != Family(spec.Method))
        {
            errors.Add(
                new(
                    "$.method.kind",
                    $"The forked run is of the method \"{ChoiceAttribute.LabelOf(parent.Method)}\", whose networks are others. Keep the "
                        + "method, or clone the run to begin anew."
                )
            );
        }
        else if ((parent.Method, spec.Method) is (SmdSpec its, SmdSpec mine) && its.Teacher != mine.Teacher)
        {
            errors.Add(
                new(
                    "$.method.teacher",
                    $"The checkpoint holds the teacher \"{its.Teacher}\" of the forked run; a fork keeps it. Clone the run to distil "
                        + "another."
                )
            );
        }

        errors.AddRange(OfNetwork(parent.Network, spec.Network));
        if (Shape(parent.Data) != Shape(spec.Data))
        {
            errors.Add(
                new(
                    "$.data.kind",
                    $"The forked run learns {Words(parent.Data)}, these data are {Words(spec.Data)}. Other data must have that size and "
                        + "that many classes."
                )
            );
        }

        errors.AddRange(OfLength(parent, spec, iteration));
        return errors;
    }

    /// <summary>Whether two data specs mean the same records in the same order.</summary>
    public static bool SameData(DataSpec a, DataSpec b) => a.GetType() == b.GetType() && Text(a) == Text(b);

    private static IEnumerable<SpecError> OfNetwork(NetworkSpec parent, NetworkSpec network)
    {
        if (parent.GetType() != network.GetType())
        {
            yield return new(
                "$.network.kind",
                $"The forked run has the network \"{ChoiceAttribute.LabelOf(parent)}\", and its weights fit no other. Choose that one, or "
                    + "clone the run to begin anew."
            );
            yield break;
        }

        foreach (var member in SpecSchema.Members(network.GetType()))
        {
            var (its, mine) = (Text(member.Get(parent)), Text(member.Get(network)));
            if (its != mine && !Free.Contains(member.Name))
            {
                yield return new(
                    $"$.network.{member.Name}",
                    $"{member.Setting.Label} is {its} in the forked run, and its weights fit no other network. Set it back, or clone "
                        + "the run to begin anew."
                );
            }
        }
    }

    private static IEnumerable<SpecError> OfLength(TrainingSpec parent, TrainingSpec spec, long iteration)
    {
        var (before, now) = (parent.Method.Warmup(), spec.Method.Warmup());
        var total = (long)now + spec.Optimisation.Iterations;
        if (iteration < before != iteration < now)
        {
            yield return new(
                "$.method.warmupIterations",
                iteration < before
                    ? $"The checkpoint of iteration {iteration:N0} is of the warm-up, which goes on for at least one iteration: give "
                        + $"more than {iteration:N0}."
                    : $"At the checkpoint of iteration {iteration:N0} the warm-up is over; give at most {iteration:N0}."
            );
        }
        else if (total <= iteration)
        {
            yield return new(
                "$.optimisation.iterations",
                $"The checkpoint is at iteration {iteration:N0}, and these settings end at {total:N0}; give at least "
                    + $"{iteration - now + 1:N0}."
            );
        }
    }

    // methods that train the same networks
    private static Type Family(MethodSpec method) =>
        method switch
        {
            ReverseKlSpec => typeof(SmtSpec),
            DiffusionGanSpec => typeof(GanSpec),
            _ => method.GetType(),
        };

    private static (int Channels, int Side, int Classes) Shape(DataSpec data) =>
        DataShape.Of(data) is var shape ? (shape.Channels, shape.Side, shape.Classes) : default;

    private static string Words(DataSpec data) =>
        DataShape.Of(data) is { IsPoints: false } shape
            ? $"images of {shape.Side}x{shape.Side} with {shape.Channels} {(shape.Channels == 1 ? "channel" : "channels")} and "
                + $"{(shape.Classes == 0 ? "no classes" : $"{shape.Classes} classes")}"
            : "points in the plane";

    private static string Text(object? value) => JsonSerializer.Serialize(value, SpecSchema.Compact);
}
