using System.Reflection;

namespace SmtWeb.Data.Settings;

/// <summary>Names one alternative of a setting for people: a member of an enum, or a kind of a closed hierarchy.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Class)]
public sealed class ChoiceAttribute(string label, string help) : Attribute
{
    /// <summary>Short name shown in the list of alternatives.</summary>
    public string Label { get; } = label;

    /// <summary>One sentence: what it means, and the source (section, table) where there is one.</summary>
    public string Help { get; } = help;

    /// <summary>The name for people of one of the kinds of a closed hierarchy.</summary>
    public static string LabelOf(object alternative) => alternative.GetType().GetCustomAttribute<ChoiceAttribute>()!.Label;
}
