namespace SmtWeb.Web.Cli;

/// <summary>
/// One option of a command. <paramref name="Name"/> is written <c>--name</c>; <paramref name="Value"/> names its value
/// in the help and is null for a switch.
/// </summary>
internal sealed record CommandOption(string Name, string? Value, string Help);
