using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Smt.Teachers;

/// <summary>
/// What an EDM snapshot says about its network beside the tensors: classes and constructor arguments. They are read as
/// data; the class's source text in the snapshot is never looked at.
/// </summary>
internal sealed record EdmSnapshot(string Precond, string Model, double SigmaData, double Dropout)
{
    // Settings that leave no trace in names and shapes, and the only values that our networks have for them.
    private static readonly (string Name, object Value)[] Fixed =
    [
        ("embedding_type", "positional"),
        ("encoder_type", "standard"),
        ("decoder_type", "standard"),
        ("channel_mult_noise", 1L),
        ("label_dropout", 0L),
    ];

    /// <summary>The facts of a network stored by EDM, or null where the file holds plain tensors.</summary>
    /// <exception cref="WeightsException">A network that SmtWeb does not have.</exception>
    public static EdmSnapshot? Read(WeightsFile file)
    {
        if (file.Network is not PickleObject { IsPersistent: true, State: { } state } network)
        {
            return null;
        }
        if (network.ClassName != "EDMPrecond")
        {
            throw new WeightsException(
                $"The network's class is {PickleScan.Show(network.ClassName)}; SmtWeb has the preconditioning EDMPrecond (not VP, VE or "
                    + "iDDPM)."
            );
        }
        if ((state["_modules"] as PickleDict)?["model"] is not PickleObject { State: { } inner } model)
        {
            throw new WeightsException("The snapshot's EDMPrecond has no sub-module 'model'.");
        }
        if (model.ClassName is not ("SongUNet" or "DhariwalUNet"))
        {
            throw new WeightsException(
                $"The network's model is {PickleScan.Show(model.ClassName)}; SmtWeb has SongUNet (DDPM++) and DhariwalUNet (ADM)."
            );
        }

        var arguments = inner["_init_kwargs"] as PickleDict;
        foreach (var (name, value) in Fixed)
        {
            var found = arguments?[name];
            if (found is null || found.Equals(value) || (found is double number && value is long whole && number == whole))
            {
                continue;
            }
            throw new WeightsException($"The network was made with {name} = {Shown(found)}; SmtWeb's {model.ClassName} has {value} only.");
        }

        if (arguments?["resample_filter"] is PickleList filter && !filter.Items.SequenceEqual([1L, 1L]))
        {
            throw new WeightsException("The network was made with another resample_filter than [1, 1].");
        }
        return new EdmSnapshot(
            network.ClassName,
            model.ClassName,
            Number(state["sigma_data"]) ?? 0.5,
            Number(arguments?["dropout"]) ?? 0.1
        );
    }

    private static double? Number(object? value) =>
        value switch
        {
            double number when double.IsFinite(number) => number,
            long whole => whole,
            _ => null,
        };

    private static string Shown(object value) =>
        value is string text ? $"'{PickleScan.Show(text)}'"
        : value is long or double ? $"{value}"
        : PickleCalls.Describe(value);
}
