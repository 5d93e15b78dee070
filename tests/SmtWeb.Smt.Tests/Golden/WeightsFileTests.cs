using System.Text.Json;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Files as PyTorch and EDM write them, and as an attacker would.</summary>
[Trait("Category", "Golden")]
public sealed class WeightsFileTests
{
    private const long MemoryLimit = 100 << 20;

    public static TheoryData<string> Zoo => GoldenCase.OfKind("torch_zoo");

    public static TheoryData<string> Snapshots => GoldenCase.OfKind("edm_pickle");

    public static TheoryData<string, string> Hostile
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var row in GoldenCase.OfKind("pickle_hostile"))
            {
                foreach (var entry in Attacks(GoldenCase.Load(row.Data)))
                {
                    data.Add(row.Data, entry.GetProperty("file").GetString()!);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Zoo))]
    public void Open_EveryFormOfTorchSave_GivesTheBytesOfPyTorch(string id)
    {
        var golden = GoldenCase.Load(id);
        foreach (var role in golden.AuxiliaryRoles)
        {
            using var file = WeightsFile.Open(golden.AuxiliaryFile(role));
            Assert.Equal(golden.ExpectedNames.Order(), file.Tensors.Select(t => t.Name).Order());
            foreach (var tensor in file.Tensors)
            {
                var expected = golden.Expect(tensor.Name);
                Assert.Equal(expected.Tensor.Type, tensor.Type);
                Assert.Equal(expected.Tensor.Shape, tensor.Shape);
                expected.Verify(tensor.ToArray());
            }
        }
    }

    [Theory, MemberData(nameof(Snapshots))]
    public void Open_SnapshotOfEdm_GivesItsStateDict(string id)
    {
        var golden = GoldenCase.Load(id);
        var expected = golden.Weights();
        foreach (var role in golden.AuxiliaryRoles)
        {
            using var file = WeightsFile.Open(golden.AuxiliaryFile(role));
            Assert.Equal(expected.Select(w => w.Name), file.Tensors.Select(t => t.Name));
            foreach (var (tensor, weight) in file.Tensors.Zip(expected))
            {
                Assert.Equal(weight.Shape, tensor.Shape);
                Assert.Equal(weight.Type, tensor.Type);
                Assert.True(weight.Bytes.AsSpan().SequenceEqual(tensor.ToArray()), $"{role}: {tensor.Name} differs");
            }
        }
    }

    [Theory, MemberData(nameof(Hostile))]
    public void Open_HostileOrMalformed_IsRefusedAndRunsNothing(string id, string name)
    {
        var golden = GoldenCase.Load(id);
        var entry = Attacks(golden).Single(e => e.GetProperty("file").GetString() == name);
        var marker = golden.Values.GetProperty("marker_prefix").GetString() + "*";
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Record.Exception(() => ReadAll(golden.AuxiliaryFile(name)));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 0, MemoryLimit);
        Assert.Empty(Directory.GetFiles(Environment.CurrentDirectory, marker));
        Assert.Empty(Directory.GetFiles(golden.Folder, marker));
        if (entry.GetProperty("must").GetString() != "refuse")
        {
            Assert.True(error is null or WeightsException, $"{name}: {error}");
            return;
        }

        var message = Assert.IsType<WeightsException>(error).Message;
        if (!entry.TryGetProperty("globals", out var globals))
        {
            return;
        }
        // whichever of the names that a file tries is met first may be the one that is reported
        var tried = globals.EnumerateArray().SelectMany(g => g.GetString()!.Split(" -> ")).ToList();
        Assert.True(tried.Any(n => message.Contains(n, StringComparison.Ordinal)), $"None of {string.Join(", ", tried)} in: {message}");
    }

    private static IEnumerable<JsonElement> Attacks(GoldenCase golden) =>
        golden.Values.GetProperty("hostile").EnumerateArray().Concat(golden.Values.GetProperty("malformed").EnumerateArray());

    private static void ReadAll(string path)
    {
        using var file = WeightsFile.Open(path);
        foreach (var tensor in file.Tensors)
        {
            tensor.CopyTo(Stream.Null);
        }
    }
}
