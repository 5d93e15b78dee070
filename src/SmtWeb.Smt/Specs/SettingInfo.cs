using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>What kind of value a setting holds, and so which field a form shows.</summary>
public enum SettingType
{
    /// <summary>A whole number (<see cref="int"/> or <see cref="long"/>).</summary>
    Integer,

    /// <summary>A real number (<see cref="double"/>).</summary>
    Real,

    /// <summary>Yes or no.</summary>
    Boolean,

    /// <summary>One of <see cref="SettingInfo.Choices"/> (an enum).</summary>
    Choice,

    /// <summary>A list of positive whole numbers.</summary>
    IntegerList,

    /// <summary>One line of text.</summary>
    Text,

    /// <summary>A list of lines of text.</summary>
    TextList,

    /// <summary>A group of settings.</summary>
    Section,

    /// <summary>A group of settings that depends on its kind.</summary>
    Alternative,
}

/// <summary>
/// One value of a choice. <paramref name="Name"/> is as in JSON; <paramref name="Value"/> is the enum member, or the
/// kind's name again for a closed hierarchy.
/// </summary>
public sealed record ChoiceInfo(string Name, object Value, string Label, string Help);

/// <summary>
/// A setting as a form shows it. <paramref name="Path"/> is the same JSON path that <see cref="SpecError"/> names.
/// For lists and text, <paramref name="Min"/> and <paramref name="Max"/> bound the length; every entry of a list is at least 1.
/// </summary>
public sealed record SettingInfo(
    string Path,
    string Name,
    string Label,
    string Help,
    SettingType Type,
    Type ValueType,
    double Min,
    double Max,
    bool ExclusiveMin,
    IReadOnlyList<ChoiceInfo> Choices
)
{
    /// <summary>Whether it may change when a run goes on: what is learned does not depend on it.</summary>
    public bool MayChange { get; init; }
}

/// <summary>
/// A group of settings. <paramref name="Kinds"/> is empty, or the alternatives of which <paramref name="Kind"/> is
/// the one in use; <paramref name="Settings"/> are those of that kind.
/// </summary>
public sealed record SectionInfo(
    string Path,
    string Name,
    string Label,
    string Help,
    IReadOnlyList<ChoiceInfo> Kinds,
    string? Kind,
    IReadOnlyList<SettingInfo> Settings
);
