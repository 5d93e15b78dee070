using System.Globalization;

namespace SmtWeb.Web.Api;

/// <summary>
/// What a PNG shows: of which run and checkpoint, from which seeds, of which classes. Told in headers and in the file itself.
/// </summary>
internal sealed record PngOrigin(
    long Run,
    long? Checkpoint,
    long? Iteration,
    IReadOnlyList<ulong> Seeds,
    IReadOnlyList<int>? Labels,
    IReadOnlyList<string>? ClassNames
)
{
    // Headers of a few kilobytes are passed on by every proxy.
    private const int LongestHeader = 2000;

    /// <summary>Sets the headers; one that would be too long is left out, and stands in the file alone.</summary>
    internal void Tell(HttpResponse response)
    {
        foreach (var (name, text) in Facts())
        {
            var value = Uri.EscapeDataString(text).Replace("%2C", ",", StringComparison.Ordinal); // class names are not all ASCII
            if (value.Length <= LongestHeader)
            {
                response.Headers[$"SmtWeb-{name}"] = value;
            }
        }
    }

    /// <summary>The same for <see cref="PngText.Add"/>.</summary>
    internal IReadOnlyList<(string Keyword, string Text)> Texts() =>
        [("Software", "SmtWeb"), .. Facts().Select(f => ($"SmtWeb {f.Name}", f.Text))];

    private IEnumerable<(string Name, string Text)> Facts()
    {
        yield return ("Run", Run.ToString(CultureInfo.InvariantCulture));
        if (Checkpoint is { } checkpoint)
        {
            yield return ("Checkpoint", checkpoint.ToString(CultureInfo.InvariantCulture));
        }

        if (Iteration is { } iteration)
        {
            yield return ("Iteration", iteration.ToString(CultureInfo.InvariantCulture));
        }

        if (Seeds.Count > 0)
        {
            yield return ("Seed", Ranges(Seeds));
        }

        if (Labels is { } labels)
        {
            yield return ("Class", string.Join(",", labels));
        }

        if (ClassNames is { } names)
        {
            yield return ("Class-Name", string.Join(",", names.Distinct()));
        }
    }

    /// <summary>"5-68,7": seeds in a row are written as their ends.</summary>
    private static string Ranges(IReadOnlyList<ulong> seeds)
    {
        var parts = new List<string>();
        for (var i = 0; i < seeds.Count; )
        {
            var end = i;
            while (end + 1 < seeds.Count && seeds[end + 1] == unchecked(seeds[end] + 1))
            {
                end++;
            }

            parts.Add(end == i ? $"{seeds[i]}" : $"{seeds[i]}-{seeds[end]}");
            i = end + 1;
        }

        return string.Join(",", parts);
    }
}
