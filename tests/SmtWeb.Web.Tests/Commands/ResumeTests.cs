using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Tests.Commands;

/// <summary>
/// <c>smtweb train</c> as a process that is interrupted (SIGINT) and killed (SIGKILL) on its way: it ends with the bits of an undisturbed
/// one.
/// </summary>
public sealed class ResumeTests : IDisposable
{
    private const int Interrupted = 130;
    private const int Killed = 128 + 9;

    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-resume-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("swiss-roll", Precision.Float32, 1500)]
    [InlineData("fashion-mnist-quick", Precision.BFloat16, 300)]
    public async Task Train_InterruptedThenKilled_EndsWithTheSameBits(string preset, Precision precision, int iterations)
    {
        var quick = Presets.Find(preset)!.Spec.ForQuickTest();
        Assert.SkipWhen(
            quick.Data is FashionMnistSpec && !Directory.Exists(FashionMnist.DefaultFolder),
            "The Debian package dataset-fashion-mnist is not installed."
        );
        var spec = quick with
        {
            Hardware = quick.Hardware with { Precision = precision },
            Optimisation = quick.Optimisation with { Iterations = iterations, EmaDecay = 0.9 },
            Evaluation = quick.Evaluation with { EveryIterations = iterations, CheckpointEvery = 50 },
        };
        await File.WriteAllTextAsync(Path.Combine(_folder, "spec.json"), SpecJson.Write(spec), TestContext.Current.CancellationToken);
        Assert.Equal(0, await TrainAsync("calm"));

        Assert.Equal(Interrupted, await TrainAsync("disturbed", "INT", after: 70));
        var paused = await LastIterationAsync("disturbed");
        Assert.InRange(paused, 70, iterations);
        Assert.Equal(Killed, await TrainAsync("disturbed", "KILL", after: paused + 70));
        Assert.Equal(0, await TrainAsync("disturbed"));

        var (expected, actual) = (Tensors("calm", spec), Tensors("disturbed", spec));
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        Assert.All(
            expected,
            e => Assert.True(e.Value.Bytes.AsSpan().SequenceEqual(actual[e.Key].Bytes), $"{e.Key} differs from the undisturbed run's.")
        );
        Assert.Equal(await CurveAsync("calm"), await CurveAsync("disturbed"));
    }

    /// <summary>
    /// The exit status; with <paramref name="signal"/>, which is sent once an iteration after <paramref name="after"/> is written.
    /// </summary>
    private async Task<int> TrainAsync(string name, string? signal = null, long after = 0)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "smtweb");
        var start = new ProcessStartInfo(
            program,
            ["train", Path.Combine(_folder, "spec.json"), "--threads", "1", "--out", Path.Combine(_folder, name)]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (said, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var clock = Stopwatch.StartNew();
        while (
            signal is not null && !process.HasExited && await LastIterationAsync(name) <= after && clock.Elapsed < TimeSpan.FromMinutes(2)
        )
        {
            await Task.Delay(5);
        }
        if (signal is not null)
        {
            Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
        }
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(3));
        }
        finally
        {
            process.Kill();
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{name} {signal}: {await said}{await errors}");
        return process.ExitCode;
    }

    private async Task<long> LastIterationAsync(string name) => (await CurveAsync(name)).Select(p => p.Iteration).DefaultIfEmpty(0).Max();

    /// <summary>What was written of the metrics that do not depend on the clock; a line that is being written does not count.</summary>
    private async Task<List<(string? Name, long Iteration, string Value)>> CurveAsync(string name)
    {
        var file = Path.Combine(_folder, name, "metrics.jsonl");
        if (!File.Exists(file))
        {
            return [];
        }
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        var text = await reader.ReadToEndAsync();
        return
        [
            .. text[..(text.LastIndexOf('\n') + 1)]
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement)
                .Select(m =>
                    (
                        Name: m.GetProperty("name").GetString(),
                        Iteration: m.GetProperty("iteration").GetInt64(),
                        Value: m.GetProperty("value").GetRawText()
                    )
                )
                .Where(m => !m.Name!.StartsWith("speed/", StringComparison.Ordinal)),
        ];
    }

    private IReadOnlyDictionary<string, (SafetensorsEntry Entry, byte[] Bytes)> Tensors(string name, TrainingSpec spec)
    {
        using var journal = new FolderJournal(Path.Combine(_folder, name), spec, TextWriter.Null, terminal: false);
        return SafetensorsReader.ReadFile(journal.CheckpointPath!).Tensors;
    }
}
