namespace SmtWeb.Web.Cli;

/// <summary>A command of <c>smtweb</c>.</summary>
internal abstract class Command
{
    /// <summary>The word that chooses it.</summary>
    internal abstract string Name { get; }

    /// <summary>One sentence for the list of commands.</summary>
    internal abstract string Summary { get; }

    /// <summary>How it is called, without the program's name.</summary>
    internal abstract string Usage { get; }

    /// <summary>Its options.</summary>
    internal abstract IReadOnlyList<CommandOption> Options { get; }

    /// <summary>How many plain words it takes at most.</summary>
    internal virtual int Words => 0;

    /// <summary>Further help, printed below the options.</summary>
    internal virtual string Notes => "";

    /// <summary>Does it; returns the exit code of the process.</summary>
    internal abstract Task<int> RunAsync(CommandArguments arguments, CancellationToken ct);
}
