using System.Diagnostics;
using System.Text.Json;
using SmtWeb.Data.Files;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Text;
using SmtWeb.Measures;

namespace SmtWeb.Worker.Datasets;

/// <summary>How a check tells what it does.</summary>
public enum CheckOutput
{
    /// <summary>Sentences; a progress line where somebody watches.</summary>
    Text,

    /// <summary>The report as JSON at the end.</summary>
    Json,

    /// <summary>A line of JSON for every step, for the worker that started the process (<see cref="CheckEvent"/>).</summary>
    Events,
}

/// <summary>What to check. An empty <paramref name="Kind"/> is found out.</summary>
public sealed record CheckRequest(string Path, string Kind, int Side, bool SkipCorrupt, CheckOutput Output, string? SamplesFile);

/// <summary>The body of <c>smtweb dataset check</c>, for people and for the worker.</summary>
public static class DatasetCheckRun
{
    private const int Good = 0;
    private const int Bad = 1;
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(250);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Checks; returns 0 where the data can be trained on, 1 where they cannot.</summary>
    public static int Run(CheckRequest request, TextWriter output, TextWriter terminal, bool watched, CancellationToken ct)
    {
        try
        {
            var path = Path.GetFullPath(request.Path);
            if (!Path.Exists(path))
            {
                throw new FileNotFoundException($"{path}: there is no such file or folder.", path);
            }
            PlainFile.EnsureFileOrFolder(path);
            var spec =
                (request.Kind.Length > 0 ? DatasetCheck.SpecOf(request.Kind) : ImageSources.Guess(path))
                ?? throw new InvalidDataException(
                    $"{path}: is none of {string.Join(", ", DatasetCheck.Kinds)}; state the kind if it is one of them under another name."
                );
            if (request.Side > 0 && spec is FolderSpec or IdxSpec)
            {
                spec = (ShapedDataSpec)spec with { Side = request.Side };
            }
            var last = long.MinValue;
            var (report, samples) = DatasetCheck.Run(
                spec,
                path,
                request.SkipCorrupt,
                progress =>
                {
                    if (progress.Done < progress.Total && last != long.MinValue && Stopwatch.GetElapsedTime(last) < Between)
                    {
                        return;
                    }
                    last = Stopwatch.GetTimestamp();
                    if (request.Output == CheckOutput.Events)
                    {
                        WriteLine(output, CheckEvent.Of(progress).Write());
                    }
                    else if (watched)
                    {
                        terminal.Write(
                            $"\r{progress.Phase}: {100.0 * progress.Done / Math.Max(1, progress.Total):0} % of {progress.Total:N0}   "
                        );
                    }
                },
                ct,
                Path.Combine(MetricsFolder.Default, "cache")
            );
            if (watched)
            {
                terminal.WriteLine();
            }
            if (request.SamplesFile is { } file)
            {
                File.WriteAllBytes(file, samples);
            }
            Tell(request.Output, output, report, samples, spec);
            return Good;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or OverflowException)
        {
            if (watched)
            {
                terminal.WriteLine();
            }
            var advice = e is CorruptRecordException ? " Repair it, or check again with corrupt records skipped." : "";
            if (request.Output == CheckOutput.Events)
            {
                WriteLine(output, new CheckEvent(null, 0, 0, null, null, e.Message + advice).Write());
            }
            else if (request.Output == CheckOutput.Json)
            {
                WriteLine(output, JsonSerializer.Serialize(new { problem = e.Message + advice }, Json));
            }
            else
            {
                terminal.WriteLine(e.Message + advice);
            }
            return Bad;
        }
    }

    private static void Tell(CheckOutput how, TextWriter output, DatasetReport report, byte[] samples, StoredDataSpec spec)
    {
        switch (how)
        {
            case CheckOutput.Events:
                WriteLine(output, new CheckEvent(null, 0, 0, report, samples, null).Write());
                break;
            case CheckOutput.Json:
                WriteLine(output, JsonSerializer.Serialize(new { report, data = DataOf(report, spec) }, Json));
                break;
            case CheckOutput.Text:
                output.WriteLine(
                    $"{PlainText.Show(report.Path)}: {report.Kind}, {report.Records:N0} images of {report.Side}x{report.Side}, "
                        + $"{(report.Channels == 1 ? "grey" : "RGB")}, {(report.Classes == 0 ? "no classes" : $"{report.Classes} classes")}"
                );
                output.WriteLine($"SHA-256 {report.Sha256}, {report.Bytes:N0} bytes");
                for (var k = 0; k < Math.Min(report.Classes, 20); k++)
                {
                    output.WriteLine(
                        $"  {report.ClassCounts[k], 9:N0}  {k}  {(k < report.ClassNames.Count ? PlainText.Show(report.ClassNames[k]) : "")}"
                    );
                }
                if (report.Classes > 20)
                {
                    output.WriteLine(
                        $"  … and {report.Classes - 20} classes more ({report.ClassCounts.Min():N0} to {report.ClassCounts.Max():N0} "
                            + "images each)"
                    );
                }
                foreach (var note in report.Notes)
                {
                    output.WriteLine($"note: {note}");
                }
                if (report.CorruptCount > 0)
                {
                    output.WriteLine($"{report.CorruptCount:N0} {(report.CorruptCount == 1 ? "record" : "records")} could not be read:");
                }
                foreach (var corrupt in report.Corrupt.Take(20))
                {
                    output.WriteLine($"  record {corrupt.Index} ({PlainText.Show(corrupt.Record)}): {PlainText.Show(corrupt.Problem)}");
                }
                output.Flush();
                break;
        }
    }

    /// <summary>What a spec's "data" would be; the names of the classes are left to the data where they have a list of their own.</summary>
    private static Dictionary<string, object> DataOf(DatasetReport report, StoredDataSpec spec)
    {
        var full = report.Path.StartsWith(DatasetRoot.Folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? Path.GetRelativePath(DatasetRoot.Folder, report.Path)
            : report.Path;
        var data = new Dictionary<string, object>
        {
            ["kind"] = report.Kind,
            ["source"] = full,
            ["conditional"] = report.Classes > 0,
            ["skipCorrupt"] = report.CorruptCount > 0,
            ["sha256"] = report.Sha256,
        };
        if (spec is ShapedDataSpec)
        {
            (data["side"], data["channels"], data["classes"]) = (report.Side, report.Channels, report.Classes);
        }
        return data;
    }

    private static void WriteLine(TextWriter output, string line)
    {
        output.WriteLine(line);
        output.Flush();
    }
}
