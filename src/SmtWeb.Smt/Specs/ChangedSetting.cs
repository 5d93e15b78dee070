using System.Text.Json;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// A setting that is another in two specs; values as in JSON, empty where that spec has no such setting. <paramref name="MayChange"/>: a
/// run
/// can go on with it.
/// </summary>
public sealed record ChangedSetting(string Path, string Before, string Now, bool MayChange)
{
    private const int Longest = 80;

    /// <summary>What differs, in the order of the form.</summary>
    public static IReadOnlyList<ChangedSetting> Between(TrainingSpec before, TrainingSpec now)
    {
        var (old, changed) = (Flatten(before), Flatten(now));
        // names of classes that were not known may be told
        return
        [
            .. old
                .Keys.Union(changed.Keys)
                .Where(path => old.GetValueOrDefault(path).Text != changed.GetValueOrDefault(path).Text)
                .Select(path => new ChangedSetting(
                    path,
                    old.GetValueOrDefault(path).Text ?? "",
                    changed.GetValueOrDefault(path).Text ?? "",
                    changed.TryGetValue(path, out var setting)
                        && old.ContainsKey(path)
                        && (setting.MayChange || IsLength(path, before, now) || (path == "$.data.classNames" && old[path].Text == "[]"))
                )),
        ];
    }

    /// <summary>"data.skipCorrupt from false to true".</summary>
    public override string ToString() => $"{Path[2..]} from {Shorten(Before)} to {Shorten(Now)}";

    // a constant rate does not know how long it will last; a cosine ends with the run
    private static bool IsLength(string path, TrainingSpec before, TrainingSpec now) =>
        path == "$.optimisation.iterations"
        && new[] { before, now }.All(s =>
            s.Optimisation is { GeneratorSchedule: RateSchedule.Constant, ScoreSchedule: RateSchedule.Constant }
        );

    private static Dictionary<string, (string Text, bool MayChange)> Flatten(TrainingSpec spec)
    {
        var all = new Dictionary<string, (string, bool)>();
        foreach (var section in SpecCatalog.Sections(spec))
        {
            if (section.Kind is { } kind)
            {
                all[section.Path + ".kind"] = (kind, false);
            }
            foreach (var setting in section.Settings)
            {
                all[setting.Path] = (
                    JsonSerializer.Serialize(SpecCatalog.Get(spec, setting.Path), setting.ValueType, SpecSchema.Compact),
                    setting.MayChange
                );
            }
        }

        return all;
    }

    private static string Shorten(string text) =>
        text.Length == 0 ? "nothing"
        : text.Length <= Longest ? text
        : text[..Longest] + "…";
}
