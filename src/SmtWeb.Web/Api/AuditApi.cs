using SmtWeb.Data.Settings;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>The audit log; administrators only.</summary>
internal static class AuditApi
{
    private const int MaxLines = 1000;

    internal static void MapAudit(this RouteGroupBuilder api) =>
        api.MapGet("/audit", ListAsync)
            .WithTags("Users")
            .WithName("ListAudit")
            .RequireAuthorization(Policies.Administer)
            .WithSummary(
                "Who signed in or failed to, made a key, changed a role, deleted: newest first, kept for a year. Go on with before = "
                    + "the last id."
            )
            .Produces<IReadOnlyList<AuditEntry>>();

    private static async Task<IResult> ListAsync(
        AuditLog audit,
        CancellationToken ct,
        int limit = 100,
        long? before = null,
        string? action = null,
        string? actor = null
    )
    {
        var errors = new List<SpecError>();
        if (limit is < 1 or > MaxLines)
        {
            errors.Add(new SpecError("limit", $"{limit} is not from 1 to {MaxLines}."));
        }

        if (action is not null && !AuditActions.All.Contains(action))
        {
            errors.Add(new SpecError("action", $"There is no such action; there are {string.Join(", ", AuditActions.All)}."));
        }

        if (actor?.Contains('\0') == true)
        {
            errors.Add(new SpecError("actor", "This is no name."));
        }

        return errors.Count > 0 ? Problems.Invalid(errors) : TypedResults.Ok(await audit.ListAsync(before, limit, action, actor, ct));
    }
}
