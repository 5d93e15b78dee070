using System.Text.Json.Serialization;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Teachers;

/// <summary>What an imported diffusion model is; stored as JSON in the metadata of its file and in the database.</summary>
public sealed record TeacherDescription
{
    /// <summary>Name by which runs call it.</summary>
    public required string Name { get; init; }

    /// <summary>Its architecture, as a run's spec says it; the dropout is that of its training.</summary>
    public required NetworkSpec Network { get; init; }

    /// <summary>Side of the images.</summary>
    public required int Resolution { get; init; }

    /// <summary>Channels of the images.</summary>
    public required int Channels { get; init; }

    /// <summary>Number of classes; 0 = unconditional.</summary>
    public required int Classes { get; init; }

    /// <summary>σ_data of its preconditioning.</summary>
    public required double SigmaData { get; init; }

    /// <summary>Learnable values.</summary>
    public required long Parameters { get; init; }

    /// <summary>Name of the file it came from.</summary>
    public required string SourceFile { get; init; }

    /// <summary>SHA-256 of that file, lower-case hex.</summary>
    public required string SourceSha256 { get; init; }

    /// <summary>What that file was, in words: its format, the part taken and the classes named in it.</summary>
    public required string Source { get; init; }

    /// <summary>Architecture in words.</summary>
    [JsonIgnore]
    public string NetworkLabel => ChoiceAttribute.LabelOf(Network);

    /// <summary>
    /// What a spec needs to distil it, as a patch of the spec: method and network. <paramref name="teacher"/> is its name or file.
    /// </summary>
    public string DistillationPatch(string teacher) => SpecJson.WritePatch(new SmdSpec { Teacher = teacher }, Network);

    /// <summary>The network's settings. <paramref name="augment"/> is the length of EDM's augmentation label.</summary>
    internal UNetOptions Options(int augment = 0)
    {
        if (Network is not UNetSpec unet)
        {
            throw new WeightsException($"The teacher's network is \"{NetworkLabel}\", not one for images.");
        }
        UNetOptions options = unet is AdmSpec adm
            ? new AdmOptions
            {
                Resolution = Resolution,
                ImageChannels = Channels,
                ChannelsPerHead = adm.ChannelsPerHead,
            }
            : new DdpmPlusPlusOptions { Resolution = Resolution, ImageChannels = Channels };
        return options with
        {
            Classes = Classes,
            AugmentDimensions = augment,
            ModelChannels = unet.ModelChannels,
            ChannelMultipliers = unet.ChannelMultipliers,
            EmbeddingMultiplier = unet.EmbeddingMultiplier,
            BlocksPerLevel = unet.BlocksPerLevel,
            AttentionResolutions = unet.AttentionResolutions,
            SigmaData = SigmaData,
        };
    }
}
