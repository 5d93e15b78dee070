namespace SmtWeb.Chaos;

/// <summary>Something that must hold whatever is killed does not.</summary>
public sealed class BrokenInvariantException(string message) : Exception(message);
