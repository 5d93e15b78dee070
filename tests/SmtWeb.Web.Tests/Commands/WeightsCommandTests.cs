using System.Reflection;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Teachers;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Commands;

/// <summary><c>smtweb import</c> and <c>smtweb export</c> on files as people have them.</summary>
public sealed class WeightsCommandTests : IDisposable
{
    private static readonly string Golden = Path.Combine(
        typeof(WeightsCommandTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!,
        "tests",
        "golden"
    );

    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-weights-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Import_ThenExport_GivesTheSameTensorsInEveryFormat()
    {
        var teacher = Path.Combine(_folder, "teacher.safetensors");
        Assert.Equal(0, await RunAsync("import", Path.Combine(Golden, "edm_pickle", "network.pkl"), "--out", teacher, "--name", "tiny"));
        var (description, denoiser) = TeacherFile.Load(
            new MemoryStream(await File.ReadAllBytesAsync(teacher, TestContext.Current.CancellationToken))
        );
        denoiser.Dispose();
        Assert.Equal("tiny", description.Name);

        using var original = WeightsFile.Open(teacher);
        foreach (var format in new[] { "pth", "safetensors" })
        {
            var exported = Path.Combine(_folder, $"exported.{format}");
            Assert.Equal(0, await RunAsync("export", "--checkpoint", teacher, "--format", format, "--out", exported, "--json"));
            using var file = WeightsFile.Open(exported);
            Assert.Equal(original.Tensors.Select(t => t.Name).Order(), file.Tensors.Select(t => t.Name).Order());
            var theirs = file.Tensors.ToDictionary(t => t.Name);
            foreach (var tensor in original.Tensors)
            {
                Assert.Equal(tensor.ToArray(), theirs[tensor.Name].ToArray());
            }
        }

        Assert.Equal(3, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public async Task Import_HostileFile_EndsWithCode1AndWritesNothing()
    {
        Assert.Equal(
            1,
            await RunAsync(
                "import",
                Path.Combine(Golden, "pickle_hostile", "evil_os_system.pkl"),
                "--out",
                Path.Combine(_folder, "x.safetensors")
            )
        );
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("import")]
    [InlineData("import", "network.pkl")]
    [InlineData("import", "network.pkl", "--out", "x", "--name", "12")]
    [InlineData("export", "--checkpoint", "x", "--out", "y", "--format", "onnx")]
    [InlineData("export", "--out", "y", "--format", "pth")]
    public async Task WrongOptions_EndWithCode2(params string[] args) => Assert.Equal(2, await RunAsync(args));

    private static Task<int> RunAsync(params string[] args) => new CommandTable(new ImportCommand(), new ExportCommand()).RunAsync(args);
}
