namespace SmtWeb.Worker.Training;

/// <summary>The database was away for longer than a trainer waits; another attempt goes on from the last checkpoint.</summary>
public sealed class DatabaseLostException(Exception inner)
    : Exception($"The database could not be written to for too long: {inner.Message}", inner);
