using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;

namespace SmtWeb.Web.Api;

/// <summary>
/// A class as a request names it: by number, or by name. A number of JSON is always the class's number; a string is its name, or its number
/// where no class has that name.
/// </summary>
internal sealed record ClassLabel(int Number, string? Name = null)
{
    /// <summary>The number of the class in a model; what is wrong joins <paramref name="errors"/> at <paramref name="path"/>.</summary>
    internal int Resolve(int classes, IReadOnlyList<string> names, string path, List<SpecError> errors)
    {
        if (Name is null)
        {
            return Number;
        }

        // meant as a name where one class is called so, even if another has that number
        var (label, problem, _) = ClassNaming.Find(names.Contains(Name) ? ClassNaming.NamePrefix + Name : Name, classes, names);
        if (problem is not null)
        {
            errors.Add(new SpecError(path, problem));
        }

        return label ?? 0;
    }
}
