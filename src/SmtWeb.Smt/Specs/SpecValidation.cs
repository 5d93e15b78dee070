using System.Globalization;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Says everything that is wrong with a spec: each setting's own range (from its <see cref="SettingAttribute"/>), then the
/// rules between settings. Form, REST, command line and worker all use this.
/// </summary>
public static class SpecValidation
{
    /// <summary>All errors, ranges first, in the order of the members; empty where the spec can be trained.</summary>
    public static IReadOnlyList<SpecError> Validate(TrainingSpec spec)
    {
        var errors = new List<SpecError>();
        CheckRecord(errors, spec, "$");

        // The rules between settings assume that each is there and in range.
        if (errors.Count == 0)
        {
            errors.AddRange([.. SpecRules.Check(spec), .. SpecRules.CheckStoredData(spec)]);
        }
        return errors;
    }

    /// <summary>Throws where <paramref name="spec"/> has errors.</summary>
    /// <exception cref="SpecException">Names all of them.</exception>
    public static void Ensure(TrainingSpec spec)
    {
        var errors = Validate(spec);
        if (errors.Count > 0)
        {
            throw new SpecException(errors);
        }
    }

    private static void CheckRecord(List<SpecError> errors, object record, string path)
    {
        foreach (var member in SpecSchema.Members(record.GetType()))
        {
            var here = $"{path}.{member.Name}";
            var value = member.Get(record);
            if (value is null)
            {
                errors.Add(new SpecError(here, $"{member.Setting.Label} is missing."));
                continue;
            }

            switch (member.Type)
            {
                case SettingType.Section:
                case SettingType.Alternative:
                    CheckRecord(errors, value, here);
                    break;
                case SettingType.Integer:
                case SettingType.Real:
                    CheckRange(errors, member, Convert.ToDouble(value, CultureInfo.InvariantCulture), here);
                    break;
                case SettingType.IntegerList:
                    CheckList(errors, member, (IReadOnlyList<int>)value, here);
                    break;
                case SettingType.Choice:
                    if (!Enum.IsDefined(member.Property.PropertyType, value))
                    {
                        errors.Add(new SpecError(here, $"{member.Setting.Label} is {value}, which is none of its choices."));
                    }
                    break;
                case SettingType.Text:
                    CheckText(errors, member, (string)value, here);
                    break;
                case SettingType.TextList:
                    CheckTexts(errors, member, (IReadOnlyList<string>)value, here);
                    break;
                case SettingType.Boolean:
                    break;
            }
        }
    }

    internal static void CheckRange(List<SpecError> errors, SpecMember member, double value, string path)
    {
        var setting = member.Setting;

        // Written so that NaN, for which every comparison is false, is out of range.
        var inside = (setting.ExclusiveMin ? value > setting.Min : value >= setting.Min) && value <= setting.Max && double.IsFinite(value);
        if (!inside)
        {
            errors.Add(new SpecError(path, $"{setting.Label} is {Text(value)}; {Bounds(setting)}."));
        }
    }

    internal static void CheckList(List<SpecError> errors, SpecMember member, IReadOnlyList<int> entries, string path)
    {
        var setting = member.Setting;
        if (entries.Count < setting.Min || entries.Count > setting.Max)
        {
            errors.Add(
                new SpecError(path, $"{setting.Label} has {entries.Count} entries; it needs {Text(setting.Min)} to {Text(setting.Max)}.")
            );
        }
        for (var i = 0; i < entries.Count; i++)
        {
            if (entries[i] < 1)
            {
                errors.Add(new SpecError($"{path}[{i}]", $"{setting.Label}: entry {i + 1} is {entries[i]}; every entry is at least 1."));
            }
        }
    }

    internal static void CheckText(List<SpecError> errors, SpecMember member, string text, string path)
    {
        var setting = member.Setting;
        if (text.Length == 0 && setting.Min > 0)
        {
            errors.Add(new SpecError(path, $"{setting.Label} is empty. {setting.Help}"));
        }
        else if (text.Length < setting.Min || text.Length > setting.Max)
        {
            errors.Add(
                new SpecError(
                    path,
                    $"{setting.Label} has {text.Length} characters; it must have {Text(Math.Max(0, setting.Min))} to {Text(setting.Max)}."
                )
            );
        }
        if (text.Any(char.IsControl))
        {
            errors.Add(new SpecError(path, $"{setting.Label} holds a control character or a line break; keep it to one line of text."));
        }
    }

    internal static void CheckTexts(List<SpecError> errors, SpecMember member, IReadOnlyList<string> entries, string path)
    {
        var setting = member.Setting;
        if (entries.Count < setting.Min || entries.Count > setting.Max)
        {
            errors.Add(
                new SpecError(path, $"{setting.Label} has {entries.Count} entries; it needs {Text(setting.Min)} to {Text(setting.Max)}.")
            );
        }
        for (var i = 0; i < entries.Count; i++)
        {
            if (entries[i] is not { Length: > 0 and <= 200 } entry || entry.Any(char.IsControl))
            {
                errors.Add(new SpecError($"{path}[{i}]", $"{setting.Label}: entry {i + 1} must be one line of 1 to 200 characters."));
            }
        }
    }

    private static string Bounds(SettingAttribute setting)
    {
        var above = setting.ExclusiveMin ? $"above {Text(setting.Min)}" : $"at least {Text(setting.Min)}";
        return double.IsNegativeInfinity(setting.Min)
            ? double.IsPositiveInfinity(setting.Max)
                ? "it must be a finite number"
                : $"it must be at most {Text(setting.Max)}"
            : double.IsPositiveInfinity(setting.Max)
                ? $"it must be {above}"
                : setting.ExclusiveMin
                    ? $"it must be {above} and at most {Text(setting.Max)}"
                    : $"it must be from {Text(setting.Min)} to {Text(setting.Max)}";
    }

    private static string Text(double value) =>
        Math.Abs(value) < 1e16 && value == Math.Floor(value)
            ? value.ToString("F0", CultureInfo.InvariantCulture)
            : value.ToString("R", CultureInfo.InvariantCulture);
}
