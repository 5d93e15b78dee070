using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Panel.Start;

/// <summary>One setting: the field that its type asks for, its help and range, and what is wrong with it.</summary>
public sealed partial class SpecField
{
    /// <summary>The setting.</summary>
    [Parameter, EditorRequired]
    public required SettingInfo Setting { get; set; }

    /// <summary>The spec that is being edited.</summary>
    [Parameter, EditorRequired]
    public required SpecDraft Draft { get; set; }

    /// <summary>After every change.</summary>
    [Parameter]
    public EventCallback Changed { get; set; }

    private string Id => IdOf(Setting.Path);

    private string? Error => Draft.ErrorOf(Setting.Path);

    private string HintId => $"{Id}-hint";

    private string Range =>
        Setting.Type is SettingType.Integer or SettingType.Real
            ? (double.IsFinite(Setting.Min), double.IsFinite(Setting.Max)) switch
            {
                (true, true) =>
                    $"{(Setting.ExclusiveMin ? "Above " : "")}{Number(Setting.Min)}{(Setting.ExclusiveMin ? ", up to " : " to ")}{Number(Setting.Max)}.",
                (true, false) => $"{(Setting.ExclusiveMin ? "Above" : "At least")} {Number(Setting.Min)}.",
                (false, true) => $"At most {Number(Setting.Max)}.",
                (false, false) => "",
            }
            : "";

    /// <summary>The id of a setting's field, from its JSON path.</summary>
    public static string IdOf(string path) => "setting-" + path.TrimStart('$', '.').Replace('.', '-');

    private static string Number(double value) =>
        value.ToString(Math.Abs(value) is >= 1e4 or 0 or >= 1 ? "#,0.######" : "0.######", CultureInfo.InvariantCulture);

    private string LabelOf(object? value) => Setting.Choices.FirstOrDefault(c => c.Value.Equals(value))?.Label ?? "";

    private Task SetTextAsync(string? text)
    {
        Draft.SetText(Setting, text ?? "");
        return Changed.InvokeAsync();
    }

    private Task SetAsync(object? value)
    {
        Draft.SetValue(Setting.Path, value!);
        return Changed.InvokeAsync();
    }
}
