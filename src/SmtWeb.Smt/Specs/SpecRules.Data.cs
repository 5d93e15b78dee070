using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Rules of data in files.</summary>
internal static partial class SpecRules
{
    /// <summary>Stored images need a network for images, and a place below the folder of data sets.</summary>
    public static IEnumerable<SpecError> CheckStoredData(TrainingSpec spec)
    {
        if (spec.Data is not StoredDataSpec data)
        {
            yield break;
        }
        if (spec.Network is MlpSpec)
        {
            yield return new SpecError(
                "$.network.kind",
                $"{ChoiceAttribute.LabelOf(data)} is made of images and needs a network for images such as \"ddpmpp\" (or choose the data "
                    + "\"swissRoll\")."
            );
        }
        if (data is ShapedDataSpec { Channels: 2 })
        {
            yield return new SpecError("$.data.channels", "Channels is 2; images are grey (1) or RGB (3), and 0 takes that of the data.");
        }
        if (data is ShapedDataSpec { ClassNames.Count: > 0 and var names, Classes: > 0 and var classes } && names > classes)
        {
            yield return new SpecError("$.data.classNames", $"Class names has {names} entries for {classes} classes.");
        }
        if (Escapes(data.Source) is { } problem)
        {
            yield return problem with
            {
                Path = "$.data.source",
            };
        }
    }

    private static SpecError? Escapes(string source)
    {
        try
        {
            DatasetRoot.Normalise(source);
            return null;
        }
        catch (SpecException e)
        {
            return e.Errors[0];
        }
    }
}
