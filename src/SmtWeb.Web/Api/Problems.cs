using SmtWeb.Data.Settings;
using SmtWeb.Runs;
using SmtWeb.Torch;

namespace SmtWeb.Web.Api;

/// <summary>The error answers of REST: problem+json (RFC 9457), always with a sentence that says the way out.</summary>
internal static class Problems
{
    /// <summary>400 with every error at once, keyed by JSON path.</summary>
    internal static IResult Invalid(IEnumerable<SpecError> errors) =>
        TypedResults.ValidationProblem(
            errors.GroupBy(e => e.Path).ToDictionary(g => g.Key, g => g.Select(e => e.Message).ToArray()),
            detail: "The request cannot be used; 'errors' names every member that is wrong by its JSON path."
        );

    /// <summary>400 for one query parameter or member.</summary>
    internal static IResult Invalid(string path, string message) => Invalid([new SpecError(path, message)]);

    internal static IResult NoRun(long id) => NotFound($"There is no run {id}.");

    internal static IResult NotFound(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status404NotFound);

    internal static IResult Conflict(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status409Conflict);

    /// <summary>The answer to a change of a run: 202 where it was made, for the trainer follows at its next iteration.</summary>
    internal static async Task<IResult> ChangeAsync(long id, ChangeResult change, IRunStore runs, CancellationToken ct) =>
        change.Outcome switch
        {
            ChangeOutcome.Done => await runs.FindAsync(id, ct) is { } run
                ? TypedResults.Accepted($"/api/v1/runs/{id}", run.Summary)
                : NoRun(id),
            ChangeOutcome.NotFound => NoRun(id),
            ChangeOutcome.Conflict => Conflict(change.Problem ?? "The run's state does not allow this."),
        };
}
