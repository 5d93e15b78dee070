using System.Text.Json;
using SmtWeb.Data.Settings;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Api;

/// <summary>
/// What a <see cref="DrawRequest"/> means: one seed and perhaps one label per image. The checks between members are here.
/// </summary>
internal static class DrawPlan
{
    /// <summary>The order for <see cref="GenerationService"/>; what is wrong joins <paramref name="errors"/>.</summary>
    internal static GenerationRequest? Make(DrawRequest request, List<SpecError> errors)
    {
        var model = Model(request.Model, errors);
        var count = Count(request, errors);
        var seeds = Seeds(request, count, errors);
        var labels = Labels(request, count, errors);
        return errors.Count == 0 && model is not null && seeds is not null
            ? new GenerationRequest(model.Run, model.Checkpoint, seeds, labels, request.NumSteps)
            : null;
    }

    /// <summary>Whether classes are named, so that the model has to be known before its numbers are.</summary>
    internal static bool NamesClasses(DrawRequest request) =>
        request.ClassLabel?.Name is not null || request.ClassLabels?.Any(l => l.Name is not null) == true;

    /// <summary>
    /// The order with the numbers that a model has for the classes it names; what is wrong joins <paramref name="errors"/>.
    /// </summary>
    internal static GenerationRequest WithClasses(
        GenerationRequest plan,
        DrawRequest request,
        GenerationModel model,
        List<SpecError> errors
    )
    {
        if (model.ClassCount == 0)
        {
            return plan; // that it has no classes is said where labels are checked
        }

        IReadOnlyList<int>? labels = request.ClassLabels is { } each
            ? [.. each.Select((label, i) => label.Resolve(model.ClassCount, model.ClassNames, $"$.class_labels[{i}]", errors))]
            :
            [
                .. Enumerable.Repeat(
                    request.ClassLabel!.Resolve(model.ClassCount, model.ClassNames, "$.class_label", errors),
                    plan.Seeds.Count
                ),
            ];
        // the names are those of this very checkpoint
        return plan with { CheckpointId = model.CheckpointId, Labels = labels };
    }

    private static ModelReference? Model(JsonElement json, List<SpecError> errors)
    {
        if (json.ValueKind == JsonValueKind.Undefined)
        {
            return null; // missing, which the reader has said
        }

        if (json.ValueKind == JsonValueKind.Object)
        {
            var reference = StrictBody<ModelReference>.Parse(json);
            errors.AddRange(reference.Errors.Select(e => e with { Path = "$.model" + e.Path[1..] }));
            return reference.Value;
        }

        var text = json.ValueKind == JsonValueKind.String ? json.GetString() : json.GetRawText();
        if (json.ValueKind is JsonValueKind.Number or JsonValueKind.String && long.TryParse(text, out var run) && run > 0)
        {
            return new ModelReference { Run = run };
        }

        errors.Add(
            new SpecError("$.model", $"{json.GetRawText()} is no model; give the id of a run, or {{\"run\": 3, \"checkpoint\": 17}}.")
        );
        return null;
    }

    private static int Count(DrawRequest request, List<SpecError> errors)
    {
        var count = request.NumImages ?? request.Seeds?.Count ?? request.ClassLabels?.Count ?? 1;
        if (request.Seeds is { } seeds && seeds.Count != count)
        {
            errors.Add(new SpecError("$.seeds", $"There are {seeds.Count} seeds for {count} images; give one each, or a single 'seed'."));
        }

        if (request.ClassLabels is { } labels && labels.Count != count)
        {
            errors.Add(
                new SpecError(
                    "$.class_labels",
                    $"There are {labels.Count} class labels for {count} images; give one each, or a single 'class_label'."
                )
            );
        }

        return count;
    }

    private static IReadOnlyList<ulong>? Seeds(DrawRequest request, int count, List<SpecError> errors)
    {
        if (request is { Seeds: not null, Seed: not null })
        {
            errors.Add(new SpecError("$.seeds", "Give either 'seed' or 'seeds', not both."));
        }

        if (request.Seeds is { } seeds)
        {
            return seeds;
        }

        var first = request.Seed ?? 0;
        if (first > ulong.MaxValue - (ulong)(count - 1))
        {
            errors.Add(
                new SpecError(
                    "$.seed",
                    $"Image {count - 1} would need the seed {first} + {count - 1}, which is beyond {ulong.MaxValue} (unsigned 64 bits)."
                )
            );
            return null;
        }

        return [.. Enumerable.Range(0, count).Select(i => first + (ulong)i)];
    }

    private static IReadOnlyList<int>? Labels(DrawRequest request, int count, List<SpecError> errors)
    {
        if (request is { ClassLabels: not null, ClassLabel: not null })
        {
            errors.Add(new SpecError("$.class_labels", "Give either 'class_label' or 'class_labels', not both."));
        }

        return request.ClassLabels?.Select(l => l.Number).ToList()
            ?? (request.ClassLabel is { } label ? [.. Enumerable.Repeat(label.Number, count)] : null);
    }
}
