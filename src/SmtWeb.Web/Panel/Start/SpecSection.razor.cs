using Microsoft.AspNetCore.Components;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Panel.Start;

/// <summary>A group of settings behind a fold that says what in it differs from where the form began.</summary>
public sealed partial class SpecSection
{
    private const int MostChanges = 4;

    /// <summary>The group.</summary>
    [Parameter, EditorRequired]
    public required SectionInfo Section { get; set; }

    /// <summary>The spec that is being edited.</summary>
    [Parameter, EditorRequired]
    public required SpecDraft Draft { get; set; }

    /// <summary>Whether its fields are shown.</summary>
    [Parameter]
    public bool Open { get; set; }

    /// <summary>Tells that it was folded or unfolded.</summary>
    [Parameter]
    public EventCallback<bool> OpenChanged { get; set; }

    /// <summary>After every change.</summary>
    [Parameter]
    public EventCallback Changed { get; set; }

    private string KindPath => Section.Path + ".kind";

    private string? SectionError => Section.Path == "$" ? null : Draft.ErrorOf(Section.Path) ?? Draft.ErrorOf(KindPath);

    // what one would look for behind the fold
    private string Gist =>
        Section.Kind is { } kind
            ? LabelOf(kind)
            : string.Join(", ", Section.Settings.Take(3).Select(s => s.Label)) + (Section.Settings.Count > 3 ? ", …" : "");

    private string LabelOf(string? kind) => Section.Kinds.FirstOrDefault(k => k.Name == kind)?.Label ?? "";

    private Task SetKindAsync(string? kind)
    {
        Draft.SetValue(KindPath, kind!);
        return Changed.InvokeAsync();
    }
}
