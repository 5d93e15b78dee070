using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb serve</c>: panel, REST and worker until Ctrl+C.</summary>
internal sealed class ServeCommand : Command
{
    internal override string Name => "serve";

    internal override string Summary => "Opens panel and REST and trains what is queued (the default command).";

    internal override string Usage => "[serve] [options]";

    internal override IReadOnlyList<CommandOption> Options => ServeOptions.CommandOptions;

    internal override string Notes =>
        """
            Each option can also be set in appsettings.json (SmtWeb:Port) or the environment (SMTWEB_PORT or SmtWeb__Port).
            The first start makes the account 'admin' and prints a sign-in link that works once.
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        var builder = SmtWebApp.CreateBuilder();
        var options = ServeOptions.Read(arguments, builder.Configuration, builder.Environment.ContentRootPath);
        await Node.RunAsync(options, Console.Out, ct);
        return 0;
    }
}
