using System.Globalization;

namespace SmtWeb.Benchmarks;

/// <summary>Settings shared by the sections. <paramref name="Iterations"/> 0 takes the section's own number.</summary>
internal sealed record Options(int Threads, int Rounds, int Iterations)
{
    public static Options Parse(ReadOnlySpan<string> arguments)
    {
        var options = new Options(2, 3, 0);
        for (var k = 0; k < arguments.Length; k += 2)
        {
            if (k + 1 >= arguments.Length || !int.TryParse(arguments[k + 1], CultureInfo.InvariantCulture, out var value) || value < 1)
            {
                throw new ArgumentException($"{arguments[k]} needs a positive number.");
            }
            options = arguments[k] switch
            {
                "--threads" => options with { Threads = value },
                "--rounds" => options with { Rounds = value },
                "--iterations" => options with { Iterations = value },
                _ => throw new ArgumentException($"Unknown option {arguments[k]}; there are --threads, --rounds and --iterations."),
            };
        }
        return options;
    }
}
