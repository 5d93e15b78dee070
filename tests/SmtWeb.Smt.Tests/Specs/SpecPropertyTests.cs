using System.Text;
using System.Text.Json;
using CsCheck;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Tests.Specs;

/// <summary>
/// Specs and their JSON, 10,000 cases a property: what can be written is read as it was, what cannot be read is refused by path.
/// </summary>
public sealed class SpecPropertyTests
{
    private const int Cases = 10_000;

    private static readonly TrainingSpec[] Starts =
    [
        .. Presets.All.Select(p => p.Spec).Select(s => s.Method is SmdSpec smd ? s with { Method = smd with { Teacher = "1" } } : s),
    ];

    // halves of pairs are no texts: readers of JSON refuse them
    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.String.Where(t => !t.Any(char.IsSurrogate)),
        One("", "a", "a\0b", "../x", "NaN", "$.seed", "smt", "\u202e")
    );

    // JSON of every kind, among it what breaks readers: huge numbers, halves of pairs, depth, repeated members
    private static readonly Gen<string> Json = Gen.Recursive<string>(
        (depth, self) =>
            depth > 3
                ? One("0", "null", "[]", "{}")
                : Gen.OneOf(
                    One(
                        "null",
                        "true",
                        "false",
                        "0",
                        "-1",
                        "1.5",
                        "1e3",
                        "1e400",
                        "-0.0",
                        "9007199254740993",
                        "99999999999999999999",
                        "[]",
                        "{}",
                        "\"\"",
                        "\"\\ud800\""
                    ),
                    Gen.Long.Select(n => n.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                    Gen.String.Select(t => JsonSerializer.Serialize(t)),
                    self.Array[0, 3].Select(parts => $"[{string.Join(',', parts)}]"),
                    Gen.Select(One("kind", "seed", "iterations", "x"), self)
                        .Array[0, 3]
                        .Select(ms => $"{{{string.Join(',', ms.Select(m => $"\"{m.Item1}\":{m.Item2}"))}}}")
                )
    );

    [Fact]
    public void Spec_WithAnySettings_IsRefusedOrComesBackAsItWas() =>
        Gen.Select(One(Starts), Gen.Select(Gen.Int[0, 1000], Gen.Double, Gen.Int, Texts).Array[1, 4])
            .Sample(
                (start, changes) =>
                {
                    var spec = changes.Aggregate(start, (s, c) => Change(s, c.Item1, c.Item2, c.Item3, c.Item4));
                    var errors = SpecValidation.Validate(spec);
                    var (read, wrong) = SpecJson.Parse(SpecJson.Write(spec));
                    Assert.Equal(errors.Count == 0, read is not null);
                    Assert.Equal(read is null, wrong.Count > 0);
                    Assert.All(
                        errors.Concat(wrong),
                        e => Assert.True(e.Path.StartsWith('$') && e.Message.Length > 0, $"{e.Path}: {e.Message}")
                    );
                    if (read is not null)
                    {
                        Assert.Equal(SpecJson.Write(spec), SpecJson.Write(read));
                        Assert.Equal(SpecJson.Hash(spec), SpecJson.Hash(SpecJson.ReadStored(SpecJson.Write(read))));
                        Assert.Empty(ForkRules.Check(spec, read, (long)spec.Method.Warmup() + spec.Optimisation.Iterations - 1));
                    }
                },
                iter: Cases,
                threads: 1
            );

    [Fact]
    public void Json_WithAnythingAnywhere_IsReadOrRefusedByPath() =>
        Gen.Select(One(Starts), Gen.Int[0, 1000], Gen.Int[0, 2], Json)
            .Sample(
                (start, place, how, json) =>
                {
                    var text = Damage(SpecJson.Write(start), place, how, json);
                    Check(SpecJson.Parse(text));
                    using var document = JsonDocument.Parse(Valid(text) ? text : "{}");
                    Check(SpecJson.Merge(start, document.RootElement));
                },
                iter: Cases,
                threads: 1
            );

    [Fact]
    public void Json_DamagedBytes_AreReadOrRefused() =>
        Gen.Select(One(Starts), Gen.Int[0, 100_000], Gen.Byte.Array[1, 4])
            .Sample(
                (start, at, bytes) =>
                {
                    var text = Encoding.UTF8.GetBytes(SpecJson.Write(start));
                    bytes.CopyTo(text, at % (text.Length - bytes.Length));
                    Check(SpecJson.Parse(Encoding.UTF8.GetString(text)));
                },
                iter: Cases,
                threads: 1
            );

    /// <summary>What readers stumbled over before there were these properties.</summary>
    [Theory]
    [InlineData("""{"data":{"kind":"zip","source":"\ud800"}}""", "$.data.source")]
    [InlineData("""{"data":{"kind":"\udc00"}}""", "$.data.kind")]
    [InlineData("""{"\ud800":1}""", "$")]
    public void Json_HalfOfAPair_IsRefusedByPath(string json, string path)
    {
        Assert.Contains(SpecJson.Parse(json).Errors, e => e.Path == path);
        using var document = JsonDocument.Parse(json);
        Assert.Contains(SpecJson.Merge(Starts[0], document.RootElement).Errors, e => e.Path == path);
    }

    private static void Check((TrainingSpec? Spec, IReadOnlyList<SpecError> Errors) read)
    {
        Assert.Equal(read.Spec is null, read.Errors.Count > 0);
        Assert.All(read.Errors, e => Assert.True(e.Path.StartsWith('$') && e.Message.Length > 0, $"{e.Path}: {e.Message}"));
        if (read.Spec is not null)
        {
            Assert.Empty(SpecValidation.Validate(read.Spec));
        }
    }

    private static Gen<T> One<T>(params T[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);

    private static bool Valid(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // A member replaced, added beside itself, or renamed.
    private static string Damage(string text, int place, int how, string json)
    {
        var lines = text.Split('\n');
        var members = lines
            .Index()
            .Where(l =>
                l.Item.TrimStart().StartsWith('"')
                && l.Item.Contains("\": ", StringComparison.Ordinal)
                && !l.Item.TrimEnd().EndsWith('{')
                && !l.Item.TrimEnd().EndsWith('[')
            )
            .ToList();
        var (at, line) = members[place % members.Count];
        var name = line[..line.IndexOf("\": ", StringComparison.Ordinal)];
        var comma = line.EndsWith(',') ? "," : "";
        lines[at] = how switch
        {
            0 => $"{name}\": {json}{comma}",
            1 => $"{name}\": {json},{line}",
            _ => $"{name}x\": {json}{comma}",
        };
        return string.Join('\n', lines);
    }

    private static TrainingSpec Change(TrainingSpec spec, int which, double real, int whole, string text)
    {
        var settings = SpecCatalog.Sections(spec).SelectMany(s => s.Settings).ToList();
        var setting = settings[which % settings.Count];
        // half of the values within the range, for else nothing but refusals is tried
        var inside = whole % 2 == 0;
        var share = Math.Abs(real) is var r && double.IsFinite(r) ? r - Math.Floor(r) : 0.5;
        object value = setting.Type switch
        {
            SettingType.Integer when setting.ValueType == typeof(long) => inside
                ? (long)(setting.Min + (share * (Math.Min(setting.Max, 1e6) - setting.Min)))
                : whole,
            SettingType.Integer => inside ? (int)(setting.Min + (share * (Math.Min(setting.Max, 1e6) - setting.Min))) : whole,
            SettingType.Real => inside ? setting.Min + (share * (setting.Max - setting.Min))
            : double.IsFinite(real) ? real
            : 0,
            SettingType.Boolean => inside,
            SettingType.Choice => setting.Choices[Math.Abs(whole % setting.Choices.Count)].Value,
            SettingType.IntegerList => (IReadOnlyList<int>)[Math.Abs(whole % 9), 2],
            SettingType.TextList => (IReadOnlyList<string>)[text],
            _ => text,
        };
        return SpecCatalog.Set(spec, setting.Path, value);
    }
}
