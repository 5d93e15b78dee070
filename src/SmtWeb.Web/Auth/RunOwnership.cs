using System.Security.Claims;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Auth;

/// <summary>
/// Whose things one may change: one's own; an administrator everybody's; in a lab that is set up so (<c>SmtWeb:OpenLab</c>)
/// every member everybody's. Looking is free to all.
/// </summary>
public sealed class RunOwnership
{
    private readonly IRunStore _runs;
    private readonly bool _open;

    // The options are the node's own business, so that the constructor is not for others.
    internal RunOwnership(IRunStore runs, ServeOptions options) => (_runs, _open) = (runs, options.OpenLab);

    /// <summary>Whose a run is, for people.</summary>
    public static string NameOf(RunSummary run) => run.OwnerId is null ? "the lab" : run.CreatedBy;

    /// <summary>
    /// Null where <paramref name="person"/> may change the run (or there is none, which whoever changes it says), else a sentence that says
    /// why not.
    /// </summary>
    public async Task<string?> RefusalAsync(long runId, ClaimsPrincipal person, CancellationToken ct = default)
    {
        return MayAll(person) || await _runs.OwnerAsync(runId, ct) is not { } owner ? null : Refusal(owner, person);
    }

    /// <summary>
    /// The same of a run as a page knows it, without a question to the database: what the page offers. Each change asks again.
    /// </summary>
    public string? Refusal(RunSummary run, ClaimsPrincipal person) =>
        MayAll(person) ? null : Refusal(new RunOwner(run.Id, run.OwnerId, run.CreatedBy), person);

    /// <summary>The same for what is known by its maker's name: data sets, evaluations.</summary>
    public string? Refusal(string what, string maker, ClaimsPrincipal person) =>
        MayAll(person) || string.Equals(maker, person.DisplayName(), StringComparison.OrdinalIgnoreCase)
            ? null
            : $"{what} belongs to {maker}; only {maker} or an administrator changes it.";

    private static string? Refusal(RunOwner owner, ClaimsPrincipal person) =>
        owner.Id is null ? $"Run {owner.RunId} belongs to the lab; only an administrator changes it. Clone it to have one of your own."
        : owner.Id == person.UserId() ? null
        : $"Run {owner.RunId} belongs to {owner.Name}; only {owner.Name} or an administrator changes it. Clone it to have one of your own.";

    private bool MayAll(ClaimsPrincipal person) => _open || (person.IsInRole(LabRoles.Admin) && person.HasScope(KeyScopes.Administer));
}
