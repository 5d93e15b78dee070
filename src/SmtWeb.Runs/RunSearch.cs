using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs;

/// <summary>What a search for runs finds: the one meaning that the panel's table and REST share.</summary>
internal static class RunSearch
{
    /// <summary>
    /// The runs in one of <paramref name="states"/> (any where there are none) in which each of <paramref name="words"/> is part of the
    /// name, preset, method, data or author, or <c>#</c> and the run's number.
    /// </summary>
    public static IQueryable<RunRow> Find(IQueryable<RunRow> runs, IReadOnlyCollection<RunState> states, IEnumerable<string> words)
    {
        if (states.Count > 0)
        {
            runs = runs.Where(r => states.Contains(r.State));
        }

        foreach (var word in words)
        {
            var like = "%" + word.Replace("\\", "\\\\").Replace("%", "\\%").Replace("_", "\\_") + "%";
            var id = word.StartsWith('#') && long.TryParse(word.AsSpan(1), out var number) ? number : 0;
            runs = runs.Where(r =>
                r.Id == id
                || EF.Functions.ILike(r.Name, like, "\\")
                || EF.Functions.ILike(r.Preset ?? "", like, "\\")
                || EF.Functions.ILike(r.Method, like, "\\")
                || EF.Functions.ILike(r.Data, like, "\\")
                || EF.Functions.ILike(r.CreatedBy, like, "\\")
            );
        }

        return runs;
    }
}
