using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Compares JSON with the spec records and notes everything that does not fit, where the serializer would stop at
/// the first. With <paramref name="partial"/>, members may be missing (a patch).
/// </summary>
internal sealed class SpecWalker(List<SpecError> errors, bool partial)
{
    /// <summary><paramref name="current"/> is what a patch changes: it tells the kind where the patch does not.</summary>
    public void Record(JsonElement json, Type type, string path, object? current)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new SpecError(path, $"Expected an object, found {Found(json)}."));
            return;
        }

        var kinds = SpecSchema.Kinds(type);
        if (kinds.Count > 0)
        {
            if (Resolve(json, kinds, path, current) is not { } resolved)
            {
                return;
            }
            if (current?.GetType() != resolved)
            {
                current = null;
            }
            type = resolved;
        }

        var members = SpecSchema.Members(type);
        var seen = new HashSet<string>();
        foreach (var property in json.EnumerateObject())
        {
            var here = $"{path}.{property.Name}";
            if (!seen.Add(property.Name))
            {
                errors.Add(new SpecError(here, "Appears more than once; keep one."));
            }
            else if (property.Name == SpecSchema.Kind && kinds.Count > 0)
            {
                continue;
            }
            else if (members.FirstOrDefault(m => m.Name == property.Name) is { } member)
            {
                Value(property.Value, member, here, current);
            }
            else
            {
                errors.Add(new SpecError(here, Unknown(property.Name, members)));
            }
        }

        if (partial)
        {
            return;
        }
        foreach (var member in members.Where(m => m.Required && !seen.Contains(m.Name)))
        {
            errors.Add(new SpecError($"{path}.{member.Name}", $"{member.Setting.Label} is missing."));
        }
    }

    private Type? Resolve(JsonElement json, IReadOnlyList<(string Kind, Type Type)> kinds, string path, object? current)
    {
        var all = string.Join(", ", kinds.Select(k => $"\"{k.Kind}\""));
        if (!json.TryGetProperty(SpecSchema.Kind, out var kind))
        {
            if (partial && current is not null)
            {
                return current.GetType();
            }
            errors.Add(new SpecError($"{path}.kind", $"The kind is missing; it is one of {all}."));
            return null;
        }

        var found = kind.ValueKind == JsonValueKind.String ? kinds.FirstOrDefault(k => k.Kind == kind.GetString()).Type : null;
        if (found is null)
        {
            errors.Add(new SpecError($"{path}.kind", $"Expected one of {all}, found {Found(kind)}."));
        }
        return found;
    }

    private void Value(JsonElement json, SpecMember member, string path, object? current)
    {
        switch (member.Type)
        {
            case SettingType.Section:
            case SettingType.Alternative:
                Record(json, member.Property.PropertyType, path, current is null ? null : member.Get(current));
                break;
            case SettingType.Integer:
                if (Integer(json, member, path) is { } whole)
                {
                    SpecValidation.CheckRange(errors, member, whole, path);
                }
                break;
            case SettingType.Real:
                if (Expect(json, JsonValueKind.Number, "a number", member, path))
                {
                    SpecValidation.CheckRange(errors, member, json.GetDouble(), path);
                }
                break;
            case SettingType.Boolean:
                if (json.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                {
                    Mistyped(json, "true or false", member, path);
                }
                break;
            case SettingType.Choice:
                var names = Enum.GetValues(member.Property.PropertyType).Cast<object>().Select(SpecSchema.EnumName).ToList();
                if (json.ValueKind != JsonValueKind.String || !names.Contains(json.GetString()!))
                {
                    Mistyped(json, $"one of {string.Join(", ", names.Select(n => $"\"{n}\""))}", member, path);
                }
                break;
            case SettingType.Text:
                if (Expect(json, JsonValueKind.String, "text", member, path))
                {
                    SpecValidation.CheckText(errors, member, json.GetString()!, path);
                }
                break;
            case SettingType.TextList:
                if (!Expect(json, JsonValueKind.Array, "a list of texts", member, path))
                {
                    break;
                }
                var texts = json.EnumerateArray().ToList();
                if (texts.FindIndex(e => e.ValueKind != JsonValueKind.String) is >= 0 and var odd)
                {
                    Mistyped(texts[odd], "text", member, $"{path}[{odd}]");
                }
                else
                {
                    SpecValidation.CheckTexts(errors, member, [.. texts.Select(e => e.GetString()!)], path);
                }
                break;
            case SettingType.IntegerList:
                if (!Expect(json, JsonValueKind.Array, "a list of whole numbers", member, path))
                {
                    break;
                }
                var entries = json.EnumerateArray().Select((e, i) => Integer(e, member, $"{path}[{i}]")).ToList();
                if (entries.All(e => e is not null))
                {
                    SpecValidation.CheckList(errors, member, [.. entries.Select(e => (int)e!)], path);
                }
                break;
        }
    }

    private long? Integer(JsonElement json, SpecMember member, string path)
    {
        if (!Expect(json, JsonValueKind.Number, "a whole number", member, path))
        {
            return null;
        }
        if (
            json.TryGetInt64(out var value)
            && (member.Property.PropertyType == typeof(long) || value is >= int.MinValue and <= int.MaxValue)
        )
        {
            return value;
        }

        // Too big for its type is out of range; 1.5, 1.0 and 1e3 are not how whole numbers are written.
        var text = json.GetRawText();
        if (text.AsSpan().IndexOfAny(".eE") >= 0)
        {
            Mistyped(json, "a whole number", member, path);
        }
        else if (member.Type == SettingType.Integer)
        {
            SpecValidation.CheckRange(errors, member, double.Parse(text, CultureInfo.InvariantCulture), path);
        }
        else
        {
            errors.Add(new SpecError(path, $"{member.Setting.Label}: {text} is too large."));
        }
        return null;
    }

    private bool Expect(JsonElement json, JsonValueKind kind, string expected, SpecMember member, string path)
    {
        if (json.ValueKind == kind)
        {
            return true;
        }
        Mistyped(json, expected, member, path);
        return false;
    }

    private void Mistyped(JsonElement json, string expected, SpecMember member, string path) =>
        errors.Add(new SpecError(path, $"{member.Setting.Label}: expected {expected}, found {Found(json)}."));

    private static string Unknown(string name, IReadOnlyList<SpecMember> members)
    {
        var near =
            members.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? members.FirstOrDefault(m =>
                name.Length > 3
                && (m.Name.Contains(name, StringComparison.OrdinalIgnoreCase) || name.Contains(m.Name, StringComparison.OrdinalIgnoreCase))
            );
        return near is not null ? $"There is no such setting; did you mean \"{near.Name}\"?"
            : members.Count == 0 ? "There is no such setting; this kind has none."
            : $"There is no such setting; here are {string.Join(", ", members.Select(m => $"\"{m.Name}\""))}.";
    }

    private static string Found(JsonElement json)
    {
        var text = json.GetRawText();
        if (text.Length > 40)
        {
            text = string.Concat(text.AsSpan(0, 40), "…");
        }
        return json.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "a list",
            _ => text,
        };
    }
}
