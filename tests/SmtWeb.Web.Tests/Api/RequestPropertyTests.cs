using System.Reflection;
using System.Text.Json;
using CsCheck;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Api;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Bodies and command lines of any kind, 10,000 cases each: read, or refused in words; never another fault.</summary>
public sealed class RequestPropertyTests
{
    private const int Cases = 10_000;

    // every body of REST, found by its name so that a new one is tried too
    private static readonly Type[] Bodies =
    [
        .. typeof(StrictReader)
            .Assembly.GetTypes()
            .Where(t =>
                t.Namespace == typeof(StrictReader).Namespace
                && t.Name.EndsWith("Request", StringComparison.Ordinal)
                && t.GetMethod("<Clone>$") is not null
            ),
    ];

    private static readonly string[] Names =
    [
        .. Bodies
            .SelectMany(b => b.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            .Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name))
            .Distinct(),
        "num_images",
        "class_label",
        "x",
        "",
    ];

    private static readonly Gen<string> Json = Gen.Recursive<string>(
        (depth, self) =>
            depth > 3
                ? One("0", "null", "[]", "{}")
                : Gen.OneOf(
                    One(
                        "null",
                        "true",
                        "-1",
                        "1",
                        "1.5",
                        "1e3",
                        "1e400",
                        "9223372036854775808",
                        "18446744073709551616",
                        "[]",
                        "{}",
                        "\"\"",
                        "\"\\ud800\"",
                        "\"\\u0000\"",
                        "\"pause\"",
                        "\"swiss-roll\""
                    ),
                    Gen.Long.Select(n => n.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                    Gen.String.Select(t => JsonSerializer.Serialize(t)),
                    self.Array[0, 3].Select(parts => $"[{string.Join(',', parts)}]"),
                    Gen.Select(One(Names), self)
                        .Array[0, 5]
                        .Select(ms => $"{{{string.Join(',', ms.Select(m => $"\"{m.Item1}\":{m.Item2}"))}}}")
                )
    );

    [Fact]
    public void Bodies_AreFound() => Assert.Contains(typeof(CreateRunRequest), Bodies);

    [Fact]
    public void Body_OfAnyJson_IsReadOrRefusedByPath() =>
        Gen.Select(One(Bodies), Json)
            .Sample(
                (type, json) =>
                {
                    using var document = JsonDocument.Parse(json);
                    var errors = new List<SpecError>();
                    WellFormed.Check(document.RootElement, "$", errors);
                    if (errors.Count == 0)
                    {
                        var reader = new StrictReader();
                        var read = reader.Read(document.RootElement, type, "$", null);
                        errors = reader.Errors;
                        Assert.True(read is not null || errors.Count > 0, json);
                    }

                    Assert.All(errors, e => Assert.True(e.Path.StartsWith('$') && e.Message.Length > 0, $"{e.Path}: {e.Message}"));
                },
                iter: Cases,
                threads: 1
            );

    [Fact]
    public void Arguments_OfAnyKind_AreReadOrRefused()
    {
        CommandOption[] options = [new("out", "FOLDER", ""), new("threads", "N", ""), new("all", null, "")];
        var words = Gen.OneOf(
            One("--out", "--out=", "--threads", "--threads=7", "--all", "--all=1", "-", "--", "-h", "--nothing", "a"),
            Gen.String
        );
        Gen.Select(words.Array[0, 6], Gen.Int[0, 2])
            .Sample(
                (args, most) =>
                {
                    try
                    {
                        var read = CommandArguments.Parse(args, options, most);
                        Assert.True(read.Help || read.Words.Count <= most);
                        _ = read.Number("threads", 1, 1, 1024);
                        _ = read.Seed("out", 0);
                    }
                    catch (CommandLineException e)
                    {
                        Assert.NotEmpty(e.Message);
                    }
                },
                iter: Cases,
                threads: 1
            );
    }

    private static Gen<T> One<T>(params T[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);
}
