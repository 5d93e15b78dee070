using System.Runtime.InteropServices;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Text;

namespace SmtWeb.Web.Cli;

/// <summary>The commands of <c>smtweb</c>; the first one is meant where none is named.</summary>
internal sealed class CommandTable(params Command[] commands)
{
    private const int UsageError = 2;

    /// <summary>The names, in the order of the help.</summary>
    internal IEnumerable<string> Names => commands.Select(c => c.Name);

    /// <summary>All commands of the program: the one list of them.</summary>
    internal static CommandTable Create() =>
        new(
            new ServeCommand(),
            new TrainCommand(),
            new Fig5Command(),
            new SampleCommand(),
            new ImportCommand(),
            new ExportCommand(),
            new DatasetCommand(),
            new EvaluateCommand(),
            new StatsCommand(),
            new NeighboursCommand()
        );

    /// <summary>
    /// Runs the command that <paramref name="args"/> name. What the user got wrong ends in one readable message and exit code 2.
    /// </summary>
    internal async Task<int> RunAsync(string[] args)
    {
        var named = args is [var first, ..] && !first.StartsWith('-') ? first : null;
        if (args is ["--help" or "-h"] or ["help"])
        {
            Console.Out.WriteLine(Overview());
            return 0;
        }

        if (args is ["--version"])
        {
            Console.Out.WriteLine(typeof(CommandTable).Assembly.GetName().Version);
            return 0;
        }

        var command = named is null ? commands[0] : commands.FirstOrDefault(c => c.Name == named);
        if (command is null)
        {
            Console.Error.WriteLine(
                $"Unknown command '{PlainText.Show(named!)}'.{Suggestion.For(named!, commands.Select(c => c.Name))} Commands: "
                    + $"{string.Join(", ", commands.Select(c => c.Name))}."
            );
            return UsageError;
        }

        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, s => Cancel(s, stop));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, s => Cancel(s, stop));
        try
        {
            var arguments = CommandArguments.Parse(named is null ? args : args[1..], command.Options, command.Words);
            if (arguments.Help)
            {
                Console.Out.WriteLine(Help(command));
                return 0;
            }

            return await command.RunAsync(arguments, stop.Token);
        }
        catch (CommandLineException e)
        {
            Console.Error.WriteLine($"{e.Message} See: smtweb {command.Name} --help");
            return UsageError;
        }
        catch (SpecException e)
        {
            Console.Error.WriteLine(
                $"The spec cannot be used:\n{string.Join('\n', e.Errors.Select(error => $"  {error.Path}: {error.Message}"))}"
            );
            return UsageError;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 130;
        }
        catch (System.Data.Common.DbException e)
        {
            Console.Error.WriteLine($"The database cannot be used: {e.Message}");
            return 1;
        }
        catch (Exception e)
            when (e is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException or ArgumentException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    /// <summary>The first Ctrl+C asks; the second ends the process at once.</summary>
    private static void Cancel(PosixSignalContext signal, CancellationTokenSource stop)
    {
        if (!stop.IsCancellationRequested)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private string Overview() =>
        $"""
            smtweb trains, watches, compares and serves one-step image generators.

            Commands:
            {string.Join('\n', commands.Select(c => $"  {c.Name, -10} {c.Summary}"))}

            smtweb COMMAND --help tells the options; without a command, smtweb means smtweb {commands[0].Name}.
            """;

    private static string Help(Command command)
    {
        var options = command
            .Options.Select(o => ($"--{o.Name}{(o.Value is null ? "" : " " + o.Value)}", o.Help))
            .Append(("--help", "This text."))
            .ToList();
        var width = options.Max(o => o.Item1.Length) + 2;
        return $"""
                {command.Summary}

                Usage: smtweb {command.Usage}

                {string.Join('\n', options.Select(o => $"  {o.Item1.PadRight(width)}{o.Item2}"))}
                """ + (command.Notes.Length > 0 ? "\n\n" + command.Notes : "");
    }
}
