using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Settings;
using SmtWeb.Runs;

namespace SmtWeb.Web.Api;

/// <summary>Reads the query of a list of runs, and writes the one of its next page.</summary>
internal static class RunQueries
{
    private const int LongestText = 200;

    internal static RunQuery Read(int limit, string? cursor, string? state, string? q, List<SpecError> errors)
    {
        if (limit is < 1 or > RunQuery.MostLimit)
        {
            errors.Add(new SpecError("limit", $"{limit} is not from 1 to {RunQuery.MostLimit}."));
        }

        long before = 0;
        if (cursor is not null && (!long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out before) || before < 1))
        {
            errors.Add(new SpecError("cursor", "This is no cursor; take it from the Link header of the page before, or leave it out."));
        }

        var names = Enum.GetValues<RunState>().ToDictionary(s => JsonNamingPolicy.CamelCase.ConvertName(s.ToString()));
        var states = new List<RunState>();
        foreach (var word in (state ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (names.TryGetValue(word, out var known))
            {
                states.Add(known);
            }
            else
            {
                errors.Add(
                    new SpecError("state", $"'{(word.Length > 40 ? word[..40] + "…" : word)}' is none of {string.Join(", ", names.Keys)}.")
                );
            }
        }

        if (q?.Length > LongestText || q?.Contains('\0') == true)
        {
            errors.Add(new SpecError("q", $"This is no text of at most {LongestText} characters."));
        }

        return new RunQuery
        {
            Limit = limit,
            Before = cursor is null ? null : before,
            States = states,
            Words = (q ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries),
        };
    }

    /// <summary>Path and query of the page after the run <paramref name="last"/>.</summary>
    internal static string Next(HttpRequest request, long last)
    {
        var query = request.Query.Where(p => p.Key != "cursor").SelectMany(p => p.Value, (p, value) => KeyValuePair.Create(p.Key, value));
        return request.PathBase
            + request.Path
            + QueryString.Create(query.Append(KeyValuePair.Create("cursor", (string?)last.ToString(CultureInfo.InvariantCulture))));
    }
}
