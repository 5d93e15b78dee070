namespace SmtWeb.Data.Settings;

/// <summary>One thing wrong with a spec: where (JSON path such as <c>$.optimisation.batchSize</c>) and what.</summary>
public sealed record SpecError(string Path, string Message);

/// <summary>A spec that cannot be used; names every error at once.</summary>
public sealed class SpecException(IReadOnlyList<SpecError> errors)
    : Exception(string.Join("\n", errors.Select(e => $"{e.Path}: {e.Message}")))
{
    /// <summary>All errors, in the order of the members.</summary>
    public IReadOnlyList<SpecError> Errors { get; } = errors;
}
