namespace SmtWeb.Web.Cli;

/// <summary>A command line that cannot be understood. The message is for the person who typed it; exit code 2.</summary>
internal sealed class CommandLineException(string message) : Exception(message);
