namespace SmtWeb.Data.Files;

/// <summary>A path is a named pipe, a device, a socket or a folder where a file is needed; the message names it.</summary>
public sealed class IrregularFileException(string message) : IOException(message);
