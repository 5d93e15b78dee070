using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Names for people of the kinds of methods, networks and data.</summary>
public static class SpecLabels
{
    private static readonly Dictionary<string, string> Labels = SpecCatalog
        .Sections(Presets.All[0].Spec)
        .SelectMany(s => s.Kinds)
        .DistinctBy(k => k.Name)
        .ToDictionary(k => k.Name, k => k.Label);

    /// <summary>The label of a kind; an old run's kind that no longer exists keeps its name.</summary>
    public static string Of(string kind) => Labels.GetValueOrDefault(kind, kind);
}
