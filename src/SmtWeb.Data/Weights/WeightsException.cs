namespace SmtWeb.Data.Weights;

/// <summary>
/// A file of weights that is damaged, hostile or of a kind that SmtWeb does not read. The message says what was found or
/// tried, and where; nothing of the file has run. The only exception that the readers throw for the content of a file.
/// </summary>
public sealed class WeightsException(string message, Exception? inner = null) : IOException(message, inner);
