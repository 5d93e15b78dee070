using System.Reflection;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// The settings of a spec as a form shows them, generated from the records, and reading and replacing one by its
/// JSON path. Paths are those of <see cref="SpecError"/>, so that an error finds its field.
/// </summary>
public static class SpecCatalog
{
    /// <summary>
    /// Groups of settings for this spec, in order; single settings of the root (the seed) come last as "General".
    /// They depend on the kinds in use, so ask again after a kind has changed.
    /// </summary>
    public static IReadOnlyList<SectionInfo> Sections(TrainingSpec spec)
    {
        var members = SpecSchema.Members(typeof(TrainingSpec));
        var groups = members.Where(IsGroup).Select(m => Section(m, m.Get(spec)!));
        var single = members.Where(m => !IsGroup(m)).Select(m => Setting(m, "$")).ToList();
        return [.. groups, new SectionInfo("$", "general", "General", "What concerns the whole run.", [], null, single)];
    }

    /// <summary>The value at a path such as <c>$.optimisation.batchSize</c>; for <c>$.network.kind</c> the kind's name.</summary>
    /// <exception cref="ArgumentException">There is no such setting in this spec.</exception>
    public static object Get(TrainingSpec spec, string path)
    {
        object value = spec;
        foreach (var name in Names(path))
        {
            value = IsKind(value, name) ? KindOf(value) : Member(value, name, path).Get(value)!;
        }
        return value;
    }

    /// <summary>
    /// The spec with one value replaced. For <c>$.network.kind</c>, the name of another kind: its settings start from
    /// their defaults. The result is not validated.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such setting in this spec, or the value is of another type.</exception>
    public static TrainingSpec Set(TrainingSpec spec, string path, object value) => (TrainingSpec)Set(spec, Names(path), 0, path, value);

    private static object Set(object record, string[] names, int depth, string path, object value)
    {
        var name = names[depth];
        if (depth == names.Length - 1 && IsKind(record, name))
        {
            if (KindOf(record) == value as string)
            {
                return record;
            }
            var (_, type) = SpecSchema.Siblings(record.GetType()).FirstOrDefault(k => k.Kind == value as string);
            return type is null
                ? throw new ArgumentException($"{path}: there is no kind \"{value}\".", nameof(value))
                : Activator.CreateInstance(type)!;
        }

        var member = Member(record, name, path);
        if (depth < names.Length - 1)
        {
            value = Set(member.Get(record)!, names, depth + 1, path, value);
        }
        if (!member.Property.PropertyType.IsInstanceOfType(value))
        {
            throw new ArgumentException(
                $"{path} holds {member.Property.PropertyType.Name}, not {value?.GetType().Name ?? "null"}.",
                nameof(value)
            );
        }

        // A record's copy method, as `with` calls it; init accessors can be called by reflection.
        var copy = record.GetType().GetMethod("<Clone>$")!.Invoke(record, null)!;
        member.Property.SetValue(copy, value);
        return copy;
    }

    private static SectionInfo Section(SpecMember member, object value)
    {
        var path = $"$.{member.Name}";
        var kinds = SpecSchema.Kinds(member.Property.PropertyType).Select(k => Choice(k.Kind, k.Kind, k.Type)).ToList();
        return new SectionInfo(
            path,
            member.Name,
            member.Setting.Label,
            member.Setting.Help,
            kinds,
            kinds.Count > 0 ? KindOf(value) : null,
            [.. SpecSchema.Members(value.GetType()).Select(m => Setting(m, path))]
        );
    }

    private static SettingInfo Setting(SpecMember member, string path)
    {
        var type = member.Property.PropertyType;
        IReadOnlyList<ChoiceInfo> choices = type.IsEnum
            ? [.. Enum.GetValues(type).Cast<object>().Select(v => Choice(SpecSchema.EnumName(v), v, type.GetField(v.ToString()!)!))]
            : [];
        var s = member.Setting;
        return new SettingInfo(
            $"{path}.{member.Name}",
            member.Name,
            s.Label,
            s.Help,
            member.Type,
            type,
            s.Min,
            s.Max,
            s.ExclusiveMin,
            choices
        )
        {
            MayChange = s.MayChange,
        };
    }

    private static ChoiceInfo Choice(string name, object value, MemberInfo described)
    {
        var choice =
            described.GetCustomAttribute<ChoiceAttribute>() ?? throw new InvalidOperationException($"{described.Name} has no [Choice].");
        return new ChoiceInfo(name, value, choice.Label, choice.Help);
    }

    private static bool IsGroup(SpecMember member) => member.Type is SettingType.Section or SettingType.Alternative;

    private static bool IsKind(object record, string name) => name == SpecSchema.Kind && SpecSchema.Siblings(record.GetType()).Count > 0;

    internal static string KindOf(object alternative) =>
        SpecSchema.Siblings(alternative.GetType()).Single(k => k.Type == alternative.GetType()).Kind;

    private static SpecMember Member(object record, string name, string path) =>
        SpecSchema.Members(record.GetType()).FirstOrDefault(m => m.Name == name)
        ?? throw new ArgumentException($"{path}: {record.GetType().Name} has no setting \"{name}\".", nameof(path));

    private static string[] Names(string path) =>
        path.StartsWith("$.", StringComparison.Ordinal)
            ? path[2..].Split('.')
            : throw new ArgumentException($"\"{path}\" is not a path such as $.optimisation.batchSize.", nameof(path));
}
