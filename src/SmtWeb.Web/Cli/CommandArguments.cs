using System.Globalization;

namespace SmtWeb.Web.Cli;

/// <summary>
/// The arguments of one command, checked against its options: <c>--name value</c>, <c>--name=value</c>, switches and plain words.
/// </summary>
internal sealed class CommandArguments
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<string> _words = [];

    /// <summary>Arguments that are no options, in order.</summary>
    internal IReadOnlyList<string> Words => _words;

    /// <summary>True where <c>--help</c> or <c>-h</c> was asked for.</summary>
    internal bool Help { get; private init; }

    /// <summary>Reads <paramref name="args"/>; every unknown, repeated or incomplete option is an error that says what is known.</summary>
    /// <exception cref="CommandLineException">The arguments do not fit <paramref name="options"/>.</exception>
    internal static CommandArguments Parse(IReadOnlyList<string> args, IReadOnlyList<CommandOption> options, int words)
    {
        var result = new CommandArguments { Help = args.Any(a => a is "--help" or "-h") };
        if (result.Help)
        {
            return result;
        }

        for (var i = 0; i < args.Count; i++)
        {
            if (!args[i].StartsWith('-') || args[i] == "-")
            {
                if (result._words.Count == words)
                {
                    throw new CommandLineException($"Unexpected argument '{args[i]}'.");
                }

                result._words.Add(args[i]);
                continue;
            }

            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = (equals < 0 ? args[i] : args[i][..equals]).TrimStart('-');
            var option =
                options.FirstOrDefault(o => o.Name == name && args[i].StartsWith("--", StringComparison.Ordinal))
                ?? throw new CommandLineException($"Unknown option '{args[i]}'.{Suggestion.For(name, options.Select(o => o.Name), "--")}");
            string value;
            if (option.Value is null)
            {
                value = equals < 0 ? "true" : throw new CommandLineException($"Option --{name} takes no value.");
            }
            else if (equals >= 0)
            {
                value = args[i][(equals + 1)..];
            }
            else
            {
                value =
                    i + 1 < args.Count
                        ? args[++i]
                        : throw new CommandLineException($"Option --{name} needs a value: --{name} {option.Value}.");
            }

            if (!result._values.TryAdd(name, value))
            {
                throw new CommandLineException($"Option --{name} is given twice.");
            }
        }

        return result;
    }

    internal bool Has(string name) => _values.ContainsKey(name);

    internal string? Text(string name) => _values.GetValueOrDefault(name);

    /// <summary>The value of an option that the command cannot do without.</summary>
    internal string Required(string name) =>
        _values.GetValueOrDefault(name) is { Length: > 0 } value ? value : throw new CommandLineException($"Option --{name} is missing.");

    /// <summary>A whole number within a range, or <paramref name="otherwise"/> where the option is not given.</summary>
    internal long Number(string name, long otherwise, long min, long max)
    {
        if (!_values.TryGetValue(name, out var text))
        {
            return otherwise;
        }

        return
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw new CommandLineException($"Option --{name}: '{text}' is not a whole number from {min} to {max}.");
    }

    /// <summary>A seed: an unsigned 64-bit number.</summary>
    internal ulong Seed(string name, ulong otherwise)
    {
        if (!_values.TryGetValue(name, out var text))
        {
            return otherwise;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new CommandLineException($"Option --{name}: '{text}' is not a whole number from 0 to {ulong.MaxValue}.");
    }
}
