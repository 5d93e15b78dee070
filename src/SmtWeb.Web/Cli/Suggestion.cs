using SmtWeb.Torch;

namespace SmtWeb.Web.Cli;

/// <summary>"Did you mean": the known name nearest to a mistyped one.</summary>
internal static class Suggestion
{
    internal static string For(string typed, IEnumerable<string> known, string prefix = "")
    {
        var nearest = known.Select(name => (name, distance: Distance(typed, name))).OrderBy(pair => pair.distance).FirstOrDefault();
        return nearest.name is not null && nearest.distance <= 2 ? $" Did you mean {prefix}{nearest.name}?" : "";
    }

    /// <summary>Levenshtein distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
