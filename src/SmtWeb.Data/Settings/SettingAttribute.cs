namespace SmtWeb.Data.Settings;

/// <summary>
/// Names a setting of a spec for people and states its range. The form of the panel, the validation and the
/// documentation are all generated from it, so a setting is described once.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string label, string help) : Attribute
{
    /// <summary>Short name shown beside the field.</summary>
    public string Label { get; } = label;

    /// <summary>One sentence: what it does, and the source (section, table) where there is one.</summary>
    public string Help { get; } = help;

    /// <summary>Smallest allowed value of a number, or shortest list or text.</summary>
    public double Min { get; init; } = double.NegativeInfinity;

    /// <summary>Largest allowed value of a number, or longest list or text.</summary>
    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// Whether it may change when a run goes on: what is learned does not depend on it, or what it says is checked against the data.
    /// </summary>
    public bool MayChange { get; init; }

    /// <summary>True where <see cref="Min"/> itself is not allowed (a rate must be above 0, say).</summary>
    public bool ExclusiveMin { get; init; }
}
