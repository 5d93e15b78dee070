using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// What the spec records are made of, read once by reflection from the serializer's own contract: the walker, the
/// validation and the catalog of the form all go by it, so that they cannot disagree with the JSON.
/// </summary>
internal static class SpecSchema
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<SpecMember>> Cache = new();

    /// <summary>The discriminator of closed hierarchies.</summary>
    public const string Kind = "kind";

    /// <summary>
    /// Strict: unknown and duplicate members and nulls are refused. Metadata may come late, because jsonb reorders members.
    /// </summary>
    public static JsonSerializerOptions Compact { get; } = Options(indented: false);

    /// <summary><see cref="Compact"/>, for people.</summary>
    public static JsonSerializerOptions Indented { get; } = Options(indented: true);

    /// <summary>Members of a spec record in the order of declaration.</summary>
    public static IReadOnlyList<SpecMember> Members(Type record) =>
        Cache.GetOrAdd(record, static r => [.. Compact.GetTypeInfo(r).Properties.Select(SpecMember.From)]);

    /// <summary>Kinds of a closed hierarchy; empty where <paramref name="type"/> is not one.</summary>
    public static IReadOnlyList<(string Kind, Type Type)> Kinds(Type type) =>
        [.. (Compact.GetTypeInfo(type).PolymorphismOptions?.DerivedTypes ?? []).Select(d => ((string)d.TypeDiscriminator!, d.DerivedType))];

    /// <summary>Kinds of the hierarchy that <paramref name="type"/> is a member of, itself included; empty where it is of none.</summary>
    public static IReadOnlyList<(string Kind, Type Type)> Siblings(Type type)
    {
        // members may share settings through a base of their own: the hierarchy is the first ancestor with kinds
        for (var ancestor = type.BaseType; ancestor is { IsAbstract: true }; ancestor = ancestor.BaseType)
        {
            if (Kinds(ancestor) is { Count: > 0 } kinds)
            {
                return kinds;
            }
        }
        return [];
    }

    /// <summary>The JSON name of an enum member.</summary>
    public static string EnumName(object member) => JsonSerializer.SerializeToElement(member, member.GetType(), Compact).GetString()!;

    private static JsonSerializerOptions Options(bool indented)
    {
        var options = new JsonSerializerOptions(JsonSerializerOptions.Strict)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            AllowOutOfOrderMetadataProperties = true,
            WriteIndented = indented,
            NewLine = "\n",
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        options.MakeReadOnly();
        return options;
    }
}

/// <summary>A member of a spec record: its JSON name, its description and its place in the record.</summary>
internal sealed record SpecMember(string Name, PropertyInfo Property, SettingAttribute Setting, bool Required, SettingType Type)
{
    public object? Get(object record) => Property.GetValue(record);

    public static SpecMember From(JsonPropertyInfo json)
    {
        var property = (PropertyInfo)json.AttributeProvider!;
        var setting =
            property.GetCustomAttribute<SettingAttribute>()
            ?? throw new InvalidOperationException($"{property.DeclaringType!.Name}.{property.Name} has no [Setting].");
        return new SpecMember(json.Name, property, setting, json.IsRequired, TypeOf(json.PropertyType));
    }

    private static SettingType TypeOf(Type type) =>
        type == typeof(int) || type == typeof(long) ? SettingType.Integer
        : type == typeof(double) ? SettingType.Real
        : type == typeof(bool) ? SettingType.Boolean
        : type.IsEnum ? SettingType.Choice
        : type == typeof(IReadOnlyList<int>) ? SettingType.IntegerList
        : type == typeof(string) ? SettingType.Text
        : type == typeof(IReadOnlyList<string>) ? SettingType.TextList
        : type.IsAbstract ? SettingType.Alternative
        : SettingType.Section;
}
