using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Teachers;

/// <summary>
/// Weights of a diffusion model for distillation: the averaged denoiser of a diffusion run's checkpoint, or a safetensors
/// file whose tensors are the denoiser's own (an imported snapshot).
/// </summary>
internal sealed class Teacher
{
    private readonly string _name;
    private readonly IReadOnlyList<string> _classNames; // empty where they are not known
    private readonly IReadOnlyDictionary<string, Tensor> _tensors;

    private Teacher(string name, IReadOnlyList<string> classNames, IReadOnlyDictionary<string, Tensor> tensors) =>
        (_name, _classNames, _tensors) = (name, classNames, tensors);

    /// <summary>
    /// Reads the teacher called <paramref name="name"/>, once from start to end; its tensors belong to the current scope.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged, or is no diffusion model.</exception>
    internal static Teacher Read(string name, Stream stream)
    {
        var reader = SafetensorsReader.Open(stream);
        var prefix = "";
        IReadOnlyList<string> classNames = [];
        if (reader.Metadata.TryGetValue("format", out var format) && format == CheckpointFile.Format)
        {
            var spec = CheckpointFile.SpecOf(reader.Metadata);
            if (spec.Method is not DiffusionSpec)
            {
                throw new InvalidDataException(
                    $"The teacher {name} was trained by \"{ChoiceAttribute.LabelOf(spec.Method)}\" and draws in one step; distillation "
                        + "needs a diffusion model. Name a run of the method \"diffusion\"."
                );
            }
            prefix = CheckpointFile.AveragePrefix;
            classNames = DataShape.Of(spec.Data).KnownNames;
        }
        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in reader.Entries)
        {
            if (entry.Name.StartsWith(prefix, StringComparison.Ordinal))
            {
                tensors.Add(entry.Name[prefix.Length..], TensorFile.ToTensor(entry, reader.Read(entry), torch.CPU));
            }
        }
        reader.Finish();
        return new(name, classNames, tensors);
    }

    /// <summary>What the teacher knows as class 2 must be class 2 of the data.</summary>
    /// <exception cref="InvalidDataException">It was trained on other classes.</exception>
    internal void EnsureClasses(DataSpec data)
    {
        if (ClassNaming.Difference(_classNames, DataShape.Of(data).KnownNames) is { } other)
        {
            throw new InvalidDataException(
                $"The teacher {_name} has other classes than this run's data: {other}. Choose the teacher's data, or another teacher."
            );
        }
    }

    /// <summary>Fills <paramref name="denoiser"/>.</summary>
    /// <exception cref="InvalidDataException">It is another network than the teacher's.</exception>
    internal void CopyTo(Denoiser denoiser)
    {
        try
        {
            // EDM's CIFAR-10 snapshots read augmentation labels, which distillation never gives: that map adds nothing
            var known = denoiser.StateEntries().Select(t => t.Name).ToHashSet();
            denoiser.LoadValues(
                _tensors
                    .Where(t => known.Contains(t.Key) || !t.Key.EndsWith(".map_augment.weight", StringComparison.Ordinal))
                    .ToDictionary(t => t.Key, t => t.Value)
            );
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"The teacher {_name} has another network than this run: {e.Message} Give this run the network and data settings of the "
                    + "teacher.",
                e
            );
        }
    }
}
