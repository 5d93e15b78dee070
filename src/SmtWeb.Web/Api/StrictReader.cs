using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Text;

namespace SmtWeb.Web.Api;

/// <summary>
/// Turns JSON into the small records of REST bodies and collects all that is wrong. Ranges and lengths are the record's
/// own <see cref="RangeAttribute"/>, <see cref="StringLengthAttribute"/> and <see cref="LengthAttribute"/>, from which the
/// OpenAPI document states them too.
/// </summary>
internal sealed class StrictReader
{
    private readonly List<SpecError> _errors = [];

    internal List<SpecError> Errors => _errors;

    /// <summary>Reads a value; null where it could not be read (an error is noted then).</summary>
    internal object? Read(JsonElement json, Type type, string path, PropertyInfo? member)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonElement))
        {
            return json.Clone(); // free-form: whoever knows its shape checks it, repeated members included
        }

        if (type == typeof(string))
        {
            return json.ValueKind == JsonValueKind.String ? Text(json.GetString()!, path, member) : Mistyped(json, path, "a string");
        }

        if (type == typeof(bool))
        {
            return json.ValueKind is JsonValueKind.True or JsonValueKind.False ? json.GetBoolean() : Mistyped(json, path, "true or false");
        }

        if (type == typeof(int) || type == typeof(long))
        {
            return Whole(json, type, path, member);
        }

        if (type == typeof(ulong))
        {
            return Seed(json, path);
        }

        if (type == typeof(ClassLabel))
        {
            return Class(json, path);
        }

        if (type.IsEnum)
        {
            return Choice(json, type, path);
        }

        return type.IsGenericType ? List(json, type.GetGenericArguments()[0], path, member) : Record(json, type, path);
    }

    private object? Record(JsonElement json, Type type, string path)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return Mistyped(json, path, "an object");
        }

        var members = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).ToDictionary(NameOf);
        var record = RuntimeHelpers.GetUninitializedObject(type);
        var seen = new HashSet<string>();
        foreach (var property in json.EnumerateObject())
        {
            var at = $"{path}.{property.Name}";
            if (!members.TryGetValue(property.Name, out var member))
            {
                _errors.Add(new SpecError(at, $"Unknown member; known here: {string.Join(", ", members.Keys)}."));
            }
            else if (!seen.Add(property.Name))
            {
                _errors.Add(new SpecError(at, "This member is given twice."));
            }
            else if (property.Value.ValueKind == JsonValueKind.Null)
            {
                if (IsRequired(member))
                {
                    _errors.Add(new SpecError(at, "This member is required and cannot be null."));
                }
            }
            else if (Read(property.Value, member.PropertyType, at, member) is { } value)
            {
                member.SetValue(record, value);
            }
        }

        _errors.AddRange(
            members
                .Where(m => IsRequired(m.Value) && !seen.Contains(m.Key))
                .Select(m => new SpecError($"{path}.{m.Key}", "This member is missing."))
        );
        return record;
    }

    private IList? List(JsonElement json, Type element, string path, PropertyInfo? member)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            return (IList?)Mistyped(json, path, "a list");
        }

        if (
            member?.GetCustomAttribute<LengthAttribute>() is { } length
            && (json.GetArrayLength() < length.MinimumLength || json.GetArrayLength() > length.MaximumLength)
        )
        {
            _errors.Add(
                new SpecError(path, $"Has {json.GetArrayLength()} entries; allowed are {length.MinimumLength} to {length.MaximumLength}.")
            );
            return null;
        }

        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
        var index = 0;
        foreach (var item in json.EnumerateArray())
        {
            if (Read(item, element, $"{path}[{index++}]", member) is { } value)
            {
                list.Add(value);
            }
        }

        return list;
    }

    private object? Whole(JsonElement json, Type type, string path, PropertyInfo? member)
    {
        if (json.ValueKind != JsonValueKind.Number)
        {
            return Mistyped(json, path, "a whole number");
        }

        var (min, max) =
            member?.GetCustomAttribute<RangeAttribute>() is { } range
                ? (
                    Convert.ToInt64(range.Minimum, CultureInfo.InvariantCulture),
                    Convert.ToInt64(range.Maximum, CultureInfo.InvariantCulture)
                )
            : type == typeof(int) ? (int.MinValue, int.MaxValue)
            : (long.MinValue, long.MaxValue);
        if (!json.TryGetInt64(out var value) || value < min || value > max)
        {
            _errors.Add(new SpecError(path, $"{json.GetRawText()} is not a whole number from {min} to {max}."));
            return null;
        }

        return Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
    }

    /// <summary>Seeds fill unsigned 64 bits, more than a JavaScript number holds: a string of digits is a seed as well.</summary>
    private object? Seed(JsonElement json, string path)
    {
        var text = json.ValueKind == JsonValueKind.String ? json.GetString()! : json.GetRawText();
        if (json.ValueKind is not (JsonValueKind.Number or JsonValueKind.String))
        {
            return Mistyped(json, path, "a seed");
        }

        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
        {
            return seed;
        }

        _errors.Add(new SpecError(path, $"Seed {Shorten(text)} is not a whole number from 0 to {ulong.MaxValue} (unsigned 64 bits)."));
        return null;
    }

    private object? Class(JsonElement json, string path)
    {
        if (json.ValueKind == JsonValueKind.String)
        {
            return new ClassLabel(0, json.GetString());
        }

        return json.ValueKind == JsonValueKind.Number && json.TryGetInt32(out var number)
            ? new ClassLabel(number)
            : Mistyped(json, path, "the number or the name of a class");
    }

    private object? Choice(JsonElement json, Type type, string path)
    {
        var names = Enum.GetNames(type).ToDictionary(JsonNamingPolicy.CamelCase.ConvertName);
        if (json.ValueKind == JsonValueKind.String && names.TryGetValue(json.GetString()!, out var name))
        {
            return Enum.Parse(type, name);
        }

        _errors.Add(new SpecError(path, $"{Shorten(json.GetRawText())} is none of {string.Join(", ", names.Keys)}."));
        return null;
    }

    private string? Text(string text, string path, PropertyInfo? member)
    {
        if (
            member?.GetCustomAttribute<StringLengthAttribute>() is { } length
            && (text.Length > length.MaximumLength || text.Length < length.MinimumLength)
        )
        {
            _errors.Add(
                new SpecError(path, $"Has {text.Length} characters; allowed are {length.MinimumLength} to {length.MaximumLength}.")
            );
            return null;
        }

        if (
            member?.IsDefined(typeof(VisibleNameAttribute)) == true
            && NameRule.Problem(NameRule.Trim(text), member.GetCustomAttribute<StringLengthAttribute>()!.MaximumLength) is { } wrong
        )
        {
            _errors.Add(new SpecError(path, wrong));
            return null;
        }

        return text;
    }

    private object? Mistyped(JsonElement json, string path, string expected)
    {
        _errors.Add(new SpecError(path, $"{Shorten(json.GetRawText())} is not {expected}."));
        return null;
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private static bool IsRequired(PropertyInfo member) => member.IsDefined(typeof(RequiredMemberAttribute));

    private static string NameOf(PropertyInfo member) =>
        member.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(member.Name);
}
