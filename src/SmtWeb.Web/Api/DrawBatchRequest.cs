using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SmtWeb.Web.Api;

/// <summary>Images to draw in the background. Image i comes from seed + i.</summary>
internal sealed record DrawBatchRequest
{
    internal const int MaxImages = 50_000;

    /// <summary>Id of a run (its best checkpoint is taken, once for the whole batch), or {"run": 3, "checkpoint": 17}.</summary>
    public required JsonElement Model { get; init; }

    /// <summary>How many.</summary>
    [JsonPropertyName("num_images")]
    [Range(1, MaxImages)]
    public required int NumImages { get; init; }

    /// <summary>Seed of the first image, 0 if left out; a number, or a string of digits where a number would lose some.</summary>
    public ulong? Seed { get; init; }

    /// <summary>The class of all images, by number or name. Without one, a conditional model draws class seed mod K.</summary>
    [JsonPropertyName("class_label")]
    public ClassLabel? ClassLabel { get; init; }

    /// <summary>Steps per image, as for /generations.</summary>
    [JsonPropertyName("num_steps")]
    [Range(1, 4)]
    public int? NumSteps { get; init; }
}
