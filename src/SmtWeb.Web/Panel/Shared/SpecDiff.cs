using System.Globalization;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>A setting on which specs differ. A value is null where that spec has no such setting.</summary>
public sealed record SpecDifference(string Section, string Label, string Path, IReadOnlyList<string?> Values);

/// <summary>Compares specs setting by setting, with the names that the form uses.</summary>
public static class SpecDiff
{
    /// <summary>Settings that are not equal in all of the specs, in the order of the form.</summary>
    public static IReadOnlyList<SpecDifference> Compare(IReadOnlyList<TrainingSpec> specs)
    {
        var flat = specs.Select(Flatten).ToList();
        var order = flat.SelectMany(f => f.Values).DistinctBy(s => s.Path);
        return
        [
            .. order
                .Select(s => new SpecDifference(s.Section, s.Label, s.Path, [.. flat.Select(f => f.GetValueOrDefault(s.Path)?.Text)]))
                .Where(d => d.Values.Distinct().Count() > 1),
        ];
    }

    /// <summary>A value as people read it.</summary>
    public static string Text(SettingInfo setting, object value) =>
        value switch
        {
            IEnumerable<int> list => list.Any() ? string.Join(", ", list) : "none",
            bool b => b ? "yes" : "no",
            Enum e => setting.Choices.FirstOrDefault(c => c.Value.Equals(e))?.Label ?? e.ToString(),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
        };

    private static Dictionary<string, Flat> Flatten(TrainingSpec spec)
    {
        var all = new Dictionary<string, Flat>();
        foreach (var section in SpecCatalog.Sections(spec))
        {
            if (section.Kind is { } kind)
            {
                all[section.Path + ".kind"] = new(
                    section.Label,
                    "Kind",
                    section.Path + ".kind",
                    section.Kinds.Single(k => k.Name == kind).Label
                );
            }

            foreach (var setting in section.Settings)
            {
                all[setting.Path] = new(section.Label, setting.Label, setting.Path, Text(setting, SpecCatalog.Get(spec, setting.Path)));
            }
        }

        return all;
    }

    private sealed record Flat(string Section, string Label, string Path, string Text);
}
