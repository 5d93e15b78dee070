using System.Globalization;

namespace SmtWeb.Benchmarks;

/// <summary>Processor seconds of a process, with those of its children that have ended.</summary>
internal sealed record ProcessTimes(int Id, string Program, string Arguments, double Seconds)
{
    private const double TicksPerSecond = 100; // USER_HZ of every Linux

    /// <summary>A process and everything that descends from it.</summary>
    public static IReadOnlyList<ProcessTimes> Tree(int root)
    {
        var all = Directory
            .EnumerateDirectories("/proc")
            .Select(Path.GetFileName)
            .Where(n => int.TryParse(n, out _))
            .Select(n => Read(n!))
            .OfType<(ProcessTimes Times, int Parent)>()
            .ToList();
        var wanted = new HashSet<int> { root };
        while (all.Any(p => wanted.Contains(p.Parent) && wanted.Add(p.Times.Id)))
        {
            // one generation more
        }
        return [.. all.Where(p => wanted.Contains(p.Times.Id)).Select(p => p.Times)];
    }

    /// <summary>Processor seconds so far of the processes that this one started and that have ended, with all of theirs.</summary>
    public static double OfEndedChildren() => Read("self", 13, 15)!.Value.Times.Seconds;

    // proc(5): the name is in brackets and may hold anything; after it the 3rd field is the state, the 4th the parent, 14 to 17 the times
    private static (ProcessTimes Times, int Parent)? Read(string id, int from = 11, int to = 15)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var (open, close) = (stat.IndexOf('('), stat.LastIndexOf(')'));
            var fields = stat[(close + 2)..].Split(' ');
            var ticks = fields[from..to].Sum(f => long.Parse(f, CultureInfo.InvariantCulture));
            return (
                new(
                    int.Parse(stat[..(open - 1)], CultureInfo.InvariantCulture),
                    stat[(open + 1)..close],
                    File.ReadAllText($"/proc/{id}/cmdline"),
                    ticks / TicksPerSecond
                ),
                int.Parse(fields[1], CultureInfo.InvariantCulture)
            );
        }
        catch (IOException)
        {
            return null; // it has ended meanwhile
        }
    }
}
