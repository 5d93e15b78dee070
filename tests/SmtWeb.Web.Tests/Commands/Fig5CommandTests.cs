using System.Text.Json;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Commands;

/// <summary><c>smtweb fig5</c>, made small: picture, table, and what a second call does.</summary>
public sealed class Fig5CommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-fig5-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Fig5_ADistillation_TrainsItsTeacherFirstAndDrawsBoth()
    {
        Assert.Equal(0, await RunAsync("--methods", "smd", "--iterations", "4"));
        var figure = File.ReadAllBytes(Path.Combine(_folder, "fig5.png"));
        using (var table = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "fig5.json"))))
        {
            Assert.Equal(["smd", "teacher"], table.RootElement.EnumerateArray().Select(row => row.GetProperty("method").GetString()!));
            Assert.All(
                table.RootElement.EnumerateArray(),
                row =>
                {
                    Assert.Equal((4, 10_000), (row.GetProperty("iterations").GetInt64(), row.GetProperty("samples").GetInt32()));
                    Assert.True(row.GetProperty("slicedWasserstein").GetDouble() > 0.05);
                    Assert.InRange(row.GetProperty("offRoll").GetDouble(), 0.3, 1);
                    Assert.InRange(row.GetProperty("offRollOfData").GetDouble(), 0, 0.001);
                }
            );
        }

        // done methods are measured and drawn again, not trained
        var trained = File.GetLastWriteTimeUtc(
            Directory
                .GetFiles(Path.Combine(_folder, "smd", "checkpoints"), "*.safetensors")
                .Single(f => f.EndsWith("00000004.safetensors", StringComparison.Ordinal))
        );
        Assert.Equal(0, await RunAsync("--methods", "smd", "--iterations", "4"));
        Assert.Equal(
            trained,
            File.GetLastWriteTimeUtc(
                Directory
                    .GetFiles(Path.Combine(_folder, "smd", "checkpoints"), "*.safetensors")
                    .Single(f => f.EndsWith("00000004.safetensors", StringComparison.Ordinal))
            )
        );
        Assert.Equal(figure, File.ReadAllBytes(Path.Combine(_folder, "fig5.png")));
    }

    [Theory]
    [InlineData("--methods", "smt,smf")]
    [InlineData("--methods", ",")]
    [InlineData("--iterations", "0")]
    public async Task Fig5_WrongOption_EndsWithCode2(params string[] args) => Assert.Equal(2, await RunAsync(args));

    private Task<int> RunAsync(params string[] args) => new CommandTable(new Fig5Command()).RunAsync(["fig5", "--out", _folder, .. args]);
}
