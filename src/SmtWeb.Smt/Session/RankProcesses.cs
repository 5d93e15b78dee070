using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>A process of a data-parallel run has died; the attempt cannot go on, but another can from its checkpoint.</summary>
public sealed class RankLostException : Exception
{
    /// <summary>Says which and how.</summary>
    public RankLostException(string message, Exception? inner)
        : base(message, inner) { }
}

/// <summary>
/// The processes of ranks 1, 2, … of a run, started by rank 0: this program again, with
/// <c>train --rank R --of N --meet HOST:PORT --threads T</c> and the spec on its first line of input. That pipe stays open
/// while rank 0 lives; when it closes, the rank ends itself.
/// </summary>
internal sealed class RankProcesses : IDisposable
{
    private const string Loopback = "127.0.0.1";

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly TcpStore _store;
    private readonly List<Process> _others = [];

    private RankProcesses() => _store = new TcpStore(Loopback, 0, serve: true, TimeSpan.FromMinutes(1));

    /// <summary>Host of the store at which the ranks meet.</summary>
    internal string Host => Loopback;

    /// <summary>Its port.</summary>
    internal int Port => _store.Port;

    /// <summary>Starts them and waits until each is about to meet the others: from then on a broken connection tells of a death.</summary>
    /// <exception cref="RankLostException">One ended before.</exception>
    internal static RankProcesses Start(TrainingSpec spec, int threads)
    {
        var result = new RankProcesses();
        try
        {
            for (var rank = 1; rank < spec.Hardware.Devices; rank++)
            {
                result._others.Add(result.StartRank(rank, spec, threads));
            }
            foreach (var process in result._others)
            {
                while (process.StandardOutput.ReadLine() != RankProcess.Ready)
                {
                    if (process.StandardOutput.EndOfStream)
                    {
                        throw new RankLostException($"A process of this run died before it began: {result.Lost()}.", null);
                    }
                }
            }
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>What became of those that have ended with an error, or null.</summary>
    internal string? Lost()
    {
        // a process that broke our connection may take a moment to be gone
        foreach (var process in _others)
        {
            process.WaitForExit(TimeSpan.FromSeconds(1));
        }
        var dead = _others
            .Select((p, k) => (Rank: k + 1, Process: p))
            .Where(r => r.Process.HasExited && r.Process.ExitCode != 0)
            .Select(r =>
                $"rank {r.Rank} (process {r.Process.Id}) ended with code "
                + $"{r.Process.ExitCode}{(r.Process.ExitCode > 128 ? $", signal {r.Process.ExitCode - 128}" : "")}"
            )
            .ToList();
        return dead.Count == 0 ? null : string.Join("; ", dead);
    }

    private Process StartRank(int rank, TrainingSpec spec, int threads)
    {
        static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
        string[] command =
        [
            .. ThisProgram(),
            "train",
            "--rank",
            Text(rank),
            "--of",
            Text(spec.Hardware.Devices),
            "--meet",
            $"{Loopback}:{Text(Port)}",
            "--threads",
            Text(threads),
        ];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment["OMP_NUM_THREADS"] = start.Environment["OPENBLAS_NUM_THREADS"] = Text(threads);
        var process = Process.Start(start) ?? throw new InvalidOperationException($"The process of rank {rank} could not be started.");
        process.StandardInput.WriteLine(JsonSerializer.Serialize(spec, SpecSchema.Compact));
        process.StandardInput.Flush();
        return process;
    }

    private static string[] ThisProgram()
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        // `dotnet smtweb.dll` is the host and the assembly; a published smtweb is itself
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Assembly.GetEntryAssembly()!.Location] : [program];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var process in _others)
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(Grace))
            {
                process.Kill();
            }
            process.Dispose();
        }
        _store.Dispose();
    }
}
