using System.Reflection;
using System.Text.Json;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>
/// A case of tests/golden (or of another set in the same format, named by the environment variable SMTWEB_GOLDEN):
/// inputs, weights and expected outputs written down once by the reference code. Tests dispatch on the kind.
/// </summary>
public sealed class GoldenCase
{
    private const string InputPrefix = "in.";
    private const string OutputPrefix = "out.";

    private readonly JsonElement _json;
    private readonly Lazy<IReadOnlyDictionary<string, (SafetensorsEntry Entry, byte[] Bytes)>> _lazyData;

    private GoldenCase(string folder)
    {
        Folder = folder;
        _json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "case.json"))).RootElement;
        _lazyData = new(() => SafetensorsReader.ReadFile(FilePath(_json.GetProperty("data").GetString()!)).Tensors);
    }

    private IReadOnlyDictionary<string, (SafetensorsEntry Entry, byte[] Bytes)> Data => _lazyData.Value;

    /// <summary>Folder of the set.</summary>
    public static string Root { get; } =
        Environment.GetEnvironmentVariable("SMTWEB_GOLDEN") is { Length: > 0 } other
            ? other
            : Path.Combine(
                typeof(GoldenCase).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!,
                "tests",
                "golden"
            );

    /// <summary>Folder of the case.</summary>
    public string Folder { get; }

    /// <summary>Name of the case.</summary>
    public string Id => _json.GetProperty("id").GetString()!;

    /// <summary>What is checked.</summary>
    public string Kind => _json.GetProperty("kind").GetString()!;

    /// <summary>Configuration of the case.</summary>
    public JsonElement Config => _json.GetProperty("config");

    /// <summary>Plain facts.</summary>
    public JsonElement Values => _json.GetProperty("values");

    /// <summary>Names of the expected tensors.</summary>
    public IReadOnlyList<string> ExpectedNames => [.. _json.GetProperty("expected").EnumerateObject().Select(p => p.Name)];

    /// <summary>Ids of all cases.</summary>
    public static IReadOnlyList<string> All => Ids(_ => true);

    /// <summary>Whether <see cref="Weights"/> come from a formula.</summary>
    public bool HasFormulaWeights => _json.TryGetProperty("weights_formula", out _);

    /// <summary>Ids of all cases of a kind, for <c>[MemberData]</c>.</summary>
    public static TheoryData<string> OfKind(string kind) => [.. Ids(k => k == kind)];

    /// <summary>Reads a case by the id that <see cref="OfKind"/> gave.</summary>
    public static GoldenCase Load(string id) => new(Path.Combine(Root, id));

    /// <summary>Whether the case has this input.</summary>
    public bool HasInput(string name) => Data.ContainsKey(InputPrefix + name);

    /// <summary>An input.</summary>
    public GoldenTensor Input(string name) => Tensor(InputPrefix, name);

    /// <summary>Whether the case expects this output.</summary>
    public bool Expects(string name) => Data.ContainsKey(OutputPrefix + name);

    /// <summary>An expected output with its tolerance.</summary>
    public GoldenExpectation Expect(string name)
    {
        var rule = _json.GetProperty("expected").GetProperty(name);
        var exact = rule.TryGetProperty("exact", out var e) && e.GetBoolean();
        return new GoldenExpectation(
            Id,
            Tensor(OutputPrefix, name),
            exact,
            exact ? 0 : rule.GetProperty("atol").GetDouble(),
            exact ? 0 : rule.GetProperty("rtol").GetDouble()
        );
    }

    /// <summary>Weights in the order of the state dict, from the formula where there is one.</summary>
    public IReadOnlyList<GoldenTensor> Weights()
    {
        if (_json.TryGetProperty("weights_formula", out var formula))
        {
            return GoldenWeights.FromFormula(FilePath(formula.GetString()!));
        }
        return WrittenWeights() ?? throw new InvalidOperationException($"{Id} has no weights.");
    }

    /// <summary><see cref="Weights"/> one at a time: those of a full-size network would not fit beside it.</summary>
    public IEnumerable<GoldenTensor> EachWeight() =>
        _json.TryGetProperty("weights_formula", out var formula)
            ? GoldenWeights.EachFromFormula(FilePath(formula.GetString()!))
            : Weights();

    /// <summary>Weights from the file that holds them written out, or null.</summary>
    public IReadOnlyList<GoldenTensor>? WrittenWeights()
    {
        if (!_json.TryGetProperty("weights", out var file) || !File.Exists(FilePath(file.GetString()!)))
        {
            return null;
        }
        return
        [
            .. SafetensorsReader
                .ReadFile(FilePath(file.GetString()!))
                .Tensors.Select(t => new GoldenTensor(t.Key, t.Value.Entry.Type, t.Value.Entry.Shape, t.Value.Bytes)),
        ];
    }

    /// <summary>Roles of the other files of the case.</summary>
    public IReadOnlyList<string> AuxiliaryRoles => [.. _json.GetProperty("files").EnumerateObject().Select(p => p.Name)];

    /// <summary>Path of another file of the case, by its role in <c>files</c>.</summary>
    public string AuxiliaryFile(string role) => FilePath(_json.GetProperty("files").GetProperty(role).GetString()!);

    private static List<string> Ids(Func<string, bool> kind)
    {
        using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "index.json")));
        return
        [
            .. index
                .RootElement.GetProperty("cases")
                .EnumerateArray()
                .Where(c => kind(c.GetProperty("kind").GetString()!))
                .Select(c => c.GetProperty("dir").GetString()!),
        ];
    }

    private string FilePath(string name) => Path.Combine(Folder, name);

    private GoldenTensor Tensor(string prefix, string name) =>
        Data.TryGetValue(prefix + name, out var found)
            ? new GoldenTensor(name, found.Entry.Type, found.Entry.Shape, found.Bytes)
            : throw new KeyNotFoundException($"{Id} has no {prefix}{name}; it has {string.Join(", ", Data.Keys)}.");
}
