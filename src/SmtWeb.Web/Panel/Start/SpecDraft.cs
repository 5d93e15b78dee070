using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Start;

/// <summary>
/// A spec that is being edited. The last value that each field held is in <see cref="Spec"/>; text that is no value of its
/// field (letters in a number) is kept beside it with its error, so that typing is never undone.
/// </summary>
public sealed class SpecDraft
{
    private readonly TrainingSpec _start;
    private readonly Dictionary<string, (string Text, string Error)> _unreadable = [];

    private readonly (TrainingSpec Parent, long Iteration)? _fork;

    private SpecDraft(TrainingSpec spec, string? preset, string name, int priority, (TrainingSpec Parent, long Iteration)? fork = null)
    {
        _fork = fork;
        _start = Spec = spec;
        Preset = preset;
        Name = name;
        Priority = priority;
        Refresh();
    }

    /// <summary>The spec as far as it can be read.</summary>
    public TrainingSpec Spec { get; private set; }

    /// <summary>The preset it began with.</summary>
    public string? Preset { get; }

    /// <summary>Name of the run.</summary>
    public string Name { get; set; }

    /// <summary>Priority of the run.</summary>
    public int Priority { get; set; }

    /// <summary>The form.</summary>
    public IReadOnlyList<SectionInfo> Sections { get; private set; } = [];

    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<SpecError> Errors { get; private set; } = [];

    /// <summary>The canonical JSON, or null while a field cannot be read.</summary>
    public string? Json { get; private set; }

    /// <summary>True where it differs from what it began with.</summary>
    public bool IsChanged => _unreadable.Count > 0 || SpecJson.Hash(Spec) != SpecJson.Hash(_start);

    /// <summary>Begins with a preset.</summary>
    public static SpecDraft From(Preset preset) => new(preset.Spec, preset.Name, preset.Title, 0);

    /// <summary>Begins like a run.</summary>
    public static SpecDraft From(RunDetail run) => new(run.Spec, run.Summary.Preset, run.Summary.Name + " (clone)", run.Summary.Priority);

    /// <summary>Goes on from a checkpoint of a run: whatever its weights would not fit is wrong.</summary>
    public static SpecDraft From(RunDetail run, RunCheckpoint checkpoint) =>
        new(run.Spec, run.Summary.Preset, NewRun.NameOfFork(run.Summary.Name), run.Summary.Priority, (run.Spec, checkpoint.Iteration));

    /// <summary>What the browser keeps of it.</summary>
    public string Write() => JsonSerializer.Serialize(new Kept(Name, Priority, SpecJson.Write(Spec)));

    /// <summary>A draft that the browser kept, or null where it cannot be read any more (the settings have changed, say).</summary>
    public static SpecDraft? TryRead(string kept, SpecDraft start)
    {
        try
        {
            return JsonSerializer.Deserialize<Kept>(kept) is { } k
                ? new SpecDraft(start._start, start.Preset, k.Name, k.Priority, start._fork) is var draft
                && draft.Take(SpecJson.ReadStored(k.Spec))
                    ? draft
                    : null
                : null;
        }
        catch (Exception e) when (e is JsonException or SpecException)
        {
            return null;
        }
    }

    /// <summary>The text of a field.</summary>
    public string Text(SettingInfo setting) =>
        _unreadable.TryGetValue(setting.Path, out var raw)
            ? raw.Text
            : SpecCatalog.Get(Spec, setting.Path) switch
            {
                IEnumerable<int> list => string.Join(", ", list),
                IEnumerable<string> list => string.Join(", ", list),
                double d => d.ToString("R", CultureInfo.InvariantCulture),
                var value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
            };

    /// <summary>Puts the text of a field into the spec, or keeps it with an error.</summary>
    public void SetText(SettingInfo setting, string text)
    {
        _unreadable.Remove(setting.Path);
        if (Read(setting, text.Trim()) is { } value)
        {
            Spec = SpecCatalog.Set(Spec, setting.Path, value);
        }
        else
        {
            _unreadable[setting.Path] = (
                text,
                setting.Type switch
                {
                    SettingType.Integer => $"{setting.Label} is a whole number; \"{text}\" is none.",
                    SettingType.IntegerList => $"{setting.Label} is a list of whole numbers such as 1, 2, 2; \"{text}\" is none.",
                    _ => $"{setting.Label} is a number such as 0.0005 or 5e-4; \"{text}\" is none.",
                }
            );
        }

        Refresh();
    }

    /// <summary>Sets a choice, a yes or no, or (for a path that ends in .kind) another kind.</summary>
    public void SetValue(string path, object value)
    {
        Spec = SpecCatalog.Set(Spec, path, value);
        Refresh();
    }

    /// <summary>Other data with all their settings.</summary>
    public void SetData(DataSpec data)
    {
        Spec = Spec with { Data = data };
        Refresh();
    }

    /// <summary>Distils an imported model: the method's settings as the preset has them, the network that of the model.</summary>
    public void SetTeacher(TeacherDescription teacher)
    {
        Spec = Spec with { Method = (Spec.Method as SmdSpec ?? new SmdSpec()) with { Teacher = teacher.Name }, Network = teacher.Network };
        Refresh();
    }

    /// <summary>What is wrong with a setting or a group, if anything.</summary>
    public string? ErrorOf(string path) => Errors.FirstOrDefault(e => e.Path == path)?.Message;

    /// <summary>True where a setting is not as it was at the beginning.</summary>
    public bool Differs(SettingInfo setting)
    {
        if (_unreadable.ContainsKey(setting.Path))
        {
            return true;
        }

        try
        {
            var (before, now) = (SpecCatalog.Get(_start, setting.Path), SpecCatalog.Get(Spec, setting.Path));
            return before switch
            {
                IEnumerable<int> a => !a.SequenceEqual((IEnumerable<int>)now),
                IEnumerable<string> a => !a.SequenceEqual((IEnumerable<string>)now),
                _ => !before.Equals(now),
            };
        }
        catch (ArgumentException)
        {
            return false; // another kind: everything in it is new
        }
    }

    /// <summary>What differs in a group from where it began.</summary>
    public IReadOnlyList<SpecChange> ChangesOf(SectionInfo section)
    {
        var before = SpecCatalog.Sections(_start).FirstOrDefault(s => s.Path == section.Path);
        if (before?.Kind != section.Kind)
        {
            string Label(string? kind) => section.Kinds.FirstOrDefault(k => k.Name == kind)?.Label ?? "";
            return [new("Kind", Label(section.Kind), Label(before?.Kind))]; // everything in it is new
        }

        return
        [
            .. section
                .Settings.Where(Differs)
                .Select(s => new SpecChange(
                    s.Label,
                    _unreadable.TryGetValue(s.Path, out var raw) ? raw.Text : SpecDiff.Text(s, SpecCatalog.Get(Spec, s.Path)),
                    SpecDiff.Text(s, SpecCatalog.Get(_start, s.Path))
                )),
        ];
    }

    /// <summary>How many things are wrong in a group.</summary>
    public int ErrorsIn(SectionInfo section) => Errors.Count(e => IsIn(section, e.Path));

    /// <summary>The group that a path lies in.</summary>
    public SectionInfo? SectionOf(string path) => Sections.FirstOrDefault(s => IsIn(s, path));

    /// <summary>The name of the setting at a path.</summary>
    public string LabelOf(string path) =>
        Sections.SelectMany(s => s.Settings).FirstOrDefault(s => s.Path == path)?.Label
        ?? Sections.FirstOrDefault(s => path == s.Path || path.StartsWith(s.Path + ".", StringComparison.Ordinal))?.Label
        ?? path;

    private static bool IsIn(SectionInfo section, string path) =>
        section.Settings.Any(s => s.Path == path) || path == section.Path || (section.Path != "$" && path == section.Path + ".kind");

    private bool Take(TrainingSpec spec)
    {
        Spec = spec;
        Refresh();
        return true;
    }

    private static object? Read(SettingInfo setting, string text)
    {
        var c = CultureInfo.InvariantCulture;
        const NumberStyles Whole = NumberStyles.AllowLeadingSign | NumberStyles.AllowThousands;
        switch (setting.Type)
        {
            case SettingType.Integer when setting.ValueType == typeof(long):
                return long.TryParse(text, Whole, c, out var l) ? l : null;
            case SettingType.Integer:
                return int.TryParse(text, Whole, c, out var i) ? i : null;
            case SettingType.Real:
                return double.TryParse(text, NumberStyles.Float, c, out var d) && double.IsFinite(d) ? d : null;
            case SettingType.IntegerList:
                var parts = text.Split([',', ' ', ';'], StringSplitOptions.RemoveEmptyEntries);
                var list = parts.Select(p => int.TryParse(p, NumberStyles.AllowLeadingSign, c, out var n) ? n : (int?)null).ToList();
                return list.Contains(null) ? null : (IReadOnlyList<int>)[.. list.Select(n => n!.Value)];
            case SettingType.Text:
                return text;
            case SettingType.TextList:
                return (IReadOnlyList<string>)text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            case SettingType.Boolean or SettingType.Choice or SettingType.Section or SettingType.Alternative:
                throw new ArgumentException($"{setting.Path} is not typed as text.", nameof(setting));
            default:
                throw new ArgumentOutOfRangeException(nameof(setting));
        }
    }

    private void Refresh()
    {
        Sections = SpecCatalog.Sections(Spec);
        var paths = Sections.SelectMany(s => s.Settings).Select(s => s.Path).ToHashSet();
        foreach (var gone in _unreadable.Keys.Where(p => !paths.Contains(p)).ToList())
        {
            _unreadable.Remove(gone);
        }

        var wrong = SpecValidation.Validate(Spec);
        var unfit = _fork is { } fork
            ? ForkRules.Check(fork.Parent, Spec, fork.Iteration).ExceptBy(wrong.Select(e => e.Path), e => e.Path)
            : [];
        Errors =
        [
            .. _unreadable.Select(u => new SpecError(u.Key, u.Value.Error)),
            .. wrong.Concat(unfit).Where(e => !_unreadable.ContainsKey(e.Path)),
        ];
        Json = _unreadable.Count == 0 ? SpecJson.Write(Spec) : null;
    }

    private sealed record Kept(string Name, int Priority, string Spec);
}
