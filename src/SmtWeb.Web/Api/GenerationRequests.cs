using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SmtWeb.Web.Api;

/// <summary>How the images come back.</summary>
internal enum OutputFormat
{
    /// <summary>A list of PNG files, each in base64.</summary>
    Png,

    /// <summary>One PNG file, in base64, with the images in a grid.</summary>
    Grid,
}

/// <summary>
/// Images to draw. Image i comes from seed + i (or from seeds[i]) and never depends on the others: asked for alone, it is
/// the same.
/// </summary>
internal sealed record DrawRequest
{
    internal const int MaxImages = 1024;

    /// <summary>Id of a run (its best checkpoint is taken), or {"run": 3, "checkpoint": 17}.</summary>
    public required JsonElement Model { get; init; }

    /// <summary>How many; as many as there are seeds or labels if left out, else 1.</summary>
    [JsonPropertyName("num_images")]
    [Range(1, MaxImages)]
    public int? NumImages { get; init; }

    /// <summary>Seed of the first image, 0 if left out; a number, or a string of digits where a number would lose some.</summary>
    public ulong? Seed { get; init; }

    /// <summary>One seed per image, in place of 'seed'.</summary>
    [Length(1, MaxImages)]
    public IReadOnlyList<ulong>? Seeds { get; init; }

    /// <summary>The class of all images: a number, or a string that is its name.</summary>
    [JsonPropertyName("class_label")]
    public ClassLabel? ClassLabel { get; init; }

    /// <summary>One class per image, each a number or a name. Without labels, a conditional model draws class seed mod K.</summary>
    [JsonPropertyName("class_labels")]
    [Length(1, MaxImages)]
    public IReadOnlyList<ClassLabel>? ClassLabels { get; init; }

    /// <summary>
    /// Steps per image: 1, or 2 or 4 where the generator was trained for them ($.method.generatorSteps of its run). Left out, one step; a
    /// diffusion model draws in its Heun steps.
    /// </summary>
    [JsonPropertyName("num_steps")]
    [Range(1, 4)]
    public int? NumSteps { get; init; }

    /// <summary>How the images come back; with 'Accept: image/png' the answer is the grid itself.</summary>
    [JsonPropertyName("output_format")]
    public OutputFormat? OutputFormat { get; init; }
}

/// <summary>The model a request names.</summary>
internal sealed record ModelReference
{
    /// <summary>Id of the run.</summary>
    [Range(typeof(long), "1", "9223372036854775807")]
    public required long Run { get; init; }

    /// <summary>Id of one of its checkpoints; the best by distance if left out.</summary>
    [Range(typeof(long), "1", "9223372036854775807")]
    public long? Checkpoint { get; init; }
}

/// <summary>The model that drew.</summary>
internal sealed record DrawnBy(long Run, long Checkpoint, long Iteration);

/// <summary>Drawn images with what they came from. <paramref name="Images"/> or <paramref name="Grid"/> is base64 PNG.</summary>
internal sealed record DrawResponse(
    DrawnBy Model,
    int Width,
    int Height,
    IReadOnlyList<ulong> Seeds,
    [property: JsonPropertyName("class_labels")] IReadOnlyList<int>? ClassLabels,
    [property: JsonPropertyName("class_names")] IReadOnlyList<string>? ClassNames,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Images,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Grid
);
