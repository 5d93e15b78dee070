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

    /// <summary>
    /// Null where <paramref name="person"/> may change the run (or there is none, which whoever changes it says), else a sentence that says
    /// why not.
    /// </summary>
    public async Task<string?> RefusalAsync(long runId, ClaimsPrincipal person, CancellationToken ct = default)
    {
        if (MayAll(person) || await _runs.OwnerAsync(runId, ct) is not { } owner || owner.Id == person.UserId())
        {
            return null;
        }

        return owner.Id is null
            ? $"Run {runId} belongs to the lab; only an administrator changes it. Clone it to have one of your own."
            : $"Run {runId} belongs to {owner.Name}; only {owner.Name} or an administrator changes it. Clone it to have one of your own.";
    }

    /// <summary>The same for what is known by its maker's name: data sets, evaluations.</summary>
    public string? Refusal(string what, string maker, ClaimsPrincipal person) =>
        MayAll(person) || string.Equals(maker, person.DisplayName(), StringComparison.OrdinalIgnoreCase)
            ? null
            : $"{what} belongs to {maker}; only {maker} or an administrator changes it.";

    private bool MayAll(ClaimsPrincipal person) => _open || (person.IsInRole(LabRoles.Admin) && person.HasScope(KeyScopes.Administer));
}
