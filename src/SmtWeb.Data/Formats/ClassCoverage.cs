using System.Globalization;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Classes that a data set counts and that no image is of: gapped labels, labels from 1 on, a database of a part of ImageNet.
/// </summary>
public static class ClassCoverage
{
    private const int Named = 5;

    /// <summary>
    /// The classes without an image, in order; none where <paramref name="counts"/> (images of each class) are not known.
    /// </summary>
    public static IReadOnlyList<int> Empty(IReadOnlyList<int>? counts, int classes) =>
        counts is null ? [] : [.. Enumerable.Range(0, classes).Where(k => k >= counts.Count || counts[k] == 0)];

    /// <summary>The classes that images are of; all where that is not known, or where none has an image.</summary>
    public static int[] Present(IReadOnlyList<int>? counts, int classes)
    {
        var empty = Empty(counts, classes);
        return empty.Count == classes ? [.. Enumerable.Range(0, classes)] : [.. Enumerable.Range(0, classes).Except(empty)];
    }

    /// <summary>"1 of 4 classes has no image: 0 (cat)", or null where every class has one.</summary>
    public static string? Describe(IReadOnlyList<int>? counts, int classes, IReadOnlyList<string> names)
    {
        var empty = Empty(counts, classes);
        if (empty.Count == 0)
        {
            return null;
        }
        var shown = string.Join(", ", empty.Take(Named).Select(k => ClassNaming.Show(k, names)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{empty.Count:N0} of {classes:N0} classes {(empty.Count == 1 ? "has" : "have")} no image: "
                + $"{shown}{(empty.Count > Named ? " …" : "")}"
        );
    }

    /// <summary>The note of a check, where a class has no image.</summary>
    public static IEnumerable<DatasetNote> Notes(IReadOnlyList<int> counts, IReadOnlyList<string> names)
    {
        var empty = Empty(counts, counts.Count);
        if (empty.Count > 0)
        {
            yield return new DatasetNote(
                $"of {counts.Count} classes without an image (labels with gaps, or from 1 on?): a model of these classes learns nothing "
                    + "of them",
                empty.Count,
                ClassNaming.Show(empty[0], names)
            );
        }
    }

    /// <summary>How many of <paramref name="labels"/> are of each class; what is no class is left out.</summary>
    internal static int[] Count(IEnumerable<int> labels, int classes)
    {
        var counts = new int[classes];
        foreach (var label in labels)
        {
            if (label >= 0 && label < classes)
            {
                counts[label]++;
            }
        }
        return counts;
    }
}
