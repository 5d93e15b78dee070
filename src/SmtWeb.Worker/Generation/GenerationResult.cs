using SmtWeb.Smt.Sampling;

namespace SmtWeb.Worker.Generation;

/// <summary>What came of a request. A closed hierarchy.</summary>
public abstract record GenerationResult
{
    private GenerationResult() { }

    /// <summary>The images (200). <paramref name="Images"/> is null where only the model was asked for.</summary>
    public sealed record Done(GenerationModel Model, GeneratedImages? Images) : GenerationResult;

    /// <summary>No such run, or no complete checkpoint of it (404).</summary>
    public sealed record UnknownModel(string Problem) : GenerationResult;

    /// <summary>The request cannot be met as it is (400); <paramref name="Field"/> is its member.</summary>
    public sealed record Invalid(string Field, string Problem) : GenerationResult;

    /// <summary>Too much is asked for at once (429).</summary>
    public sealed record Busy(string Problem, TimeSpan RetryAfter) : GenerationResult;

    /// <summary>The model cannot be loaded (503).</summary>
    public sealed record Unavailable(string Problem, TimeSpan RetryAfter) : GenerationResult;
}
