using System.Diagnostics;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Evaluation;

// What is looked at before anything is measured: whether model, data and reference fit each other.
public sealed partial class ModelEvaluator
{
    // All numbers of a report have one reference. Statistics of other images than those at hand give a Fréchet distance and nothing else.
    private bool IsOfImages(CancellationToken ct)
    {
        if (reference.Origin is { DatasetHash.Length: > 0 } origin)
        {
            images.ComputeHash(Progress, ct);
            if (origin.DatasetHash == images.Hash)
            {
                return true;
            }
        }

        _warnings.Add(
            $"Left out: KID, precision and recall{(PerClass ? " and distances per class" : "")}. They need the images, and of the "
                + $"reference ({ReferenceTitle}) there are only statistics; the images of {images.Name} are not known to be its own."
        );
        return false;
    }

    private void CheckFit()
    {
        if (reference.Dimension != network.Dimension)
        {
            throw new ArgumentException(
                $"The reference has {reference.Dimension} dimensions, the features of {network.Name} have {network.Dimension}: they "
                    + "belong to different networks."
            );
        }
        if (reference.Origin is { } origin && origin.NetworkHash != network.Hash)
        {
            _warnings.Add(
                "The reference was computed with another file of the feature network "
                    + $"({origin.NetworkHash[..Math.Min(12, origin.NetworkHash.Length)]}… instead of {network.Hash[..12]}…)."
            );
        }
        if (reference.Origin is { } with && with.Resize != network.Resize)
        {
            _warnings.Add(
                $"The reference was computed with the resize '{with.Resize}', the images with '{network.Resize}': the distance compares "
                    + "with nothing."
            );
        }
        if (generator.ClassCount > 0 && images.Classes > 0)
        {
            CheckClasses();
        }
        network.CheckImages(generator.Channels, generator.Side, generator.Side);
    }

    private void CheckClasses()
    {
        var strange = Enumerable.Range(0, images.Classes).Except(_inData).ToList();
        var missing = Enumerable.Range(0, generator.ClassCount).Where(k => _inData[k] < 0).ToList();
        if (ByName && (strange.Count > 0 || missing.Count > 0))
        {
            _warnings.Add(
                "The classes of model and data are not the same, and are matched by name: "
                    + $"{Words("the data have no", missing, generator.ClassNames)}{(missing.Count > 0 && strange.Count > 0 ? "; " : "")}{Words("the model has no", strange, images.ClassNames)}."
            );
        }
        else if (ByName && _inData.Index().Any(c => c.Index != c.Item))
        {
            _warnings.Add("The classes of model and data have other numbers; they are matched by name.");
        }
        else if (generator.ClassCount != images.Classes)
        {
            _warnings.Add(
                $"The model has {generator.ClassCount} classes, the data set {images.Classes}, and not both have names: they are "
                    + "matched by number."
            );
        }
        if (
            Present.Length < generator.ClassCount
            && ClassCoverage.Describe(CountsByModel(), generator.ClassCount, generator.ClassNames) is { } empty
        )
        {
            _warnings.Add($"{empty}. The generated images are of the other classes.");
        }

        static string Words(string what, List<int> labels, IReadOnlyList<string> names) =>
            labels.Count == 0
                ? ""
                : $"{what} "
                    + $"{string.Join(", ", labels.Take(MostNamed).Select(k => ClassNaming.Show(k, names)))}{(labels.Count > MostNamed ? $" and {labels.Count - MostNamed} more" : "")}";
    }

    // images of each class of the model; null where they are not known
    private IReadOnlyList<int>? CountsByModel()
    {
        if (generator.ClassCount == 0 || images.Classes == 0)
        {
            return null;
        }
        if (images.ClassCounts is { } counts && (ByName || images.Classes <= generator.ClassCount))
        {
            return [.. _inData.Select(k => k < 0 ? 0 : counts[k])];
        }
        return ByName ? [.. _inData.Select(k => k < 0 ? 0 : 1)] : null;
    }

    // a distance to other data than those of the run is a number of its own
    private void CheckData(CancellationToken ct)
    {
        if (!OfItsOwnData || generator.Progress.Data is not { } began)
        {
            return;
        }
        images.ComputeHash(Progress, ct);
        if (!began.IsOfTheSameImages(images.Receipt))
        {
            _warnings.Add(
                $"The data have changed since the model was trained on them: {began.Describe()} then; {images.Receipt.Describe()} now. "
                    + "Every number is of the data as they are now, and compares with no earlier one."
            );
        }
    }
}
