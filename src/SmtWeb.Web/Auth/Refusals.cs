using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>How strangers and the wrong roles are turned away: programs by problem+json, people by a page.</summary>
internal static class Refusals
{
    /// <summary>True for paths that programs call.</summary>
    internal static bool IsForPrograms(HttpRequest request) =>
        request.Path.StartsWithSegments("/api")
        || request.Path.StartsWithSegments("/hubs")
        || request.Path.StartsWithSegments("/openapi")
        || request.Path.StartsWithSegments("/_blazor")
        || request.Path.StartsWithSegments("/health");

    internal static Task ForbiddenAsync(HttpContext http)
    {
        if (
            http.User.FindFirst(ApiKeyHandler.KeyClaim) is not null
            && http.User.FindAll(ApiKeyHandler.ScopeClaim).Select(c => c.Value).ToList() is var scopes
            && http.GetEndpoint()?.Metadata.GetMetadata<Microsoft.AspNetCore.Authorization.IAuthorizeData>()?.Policy is var policy
            && ScopeOf(policy) is var needed
            && (needed is null || !scopes.Contains(needed))
        )
        {
            return TypedResults
                .Problem(
                    needed is null
                        ? "A key cannot do this, for what it makes would outlast the key: a person who signed in on the site can."
                        : $"This key has the scopes {string.Join(", ", scopes)}; this needs the scope {needed}. Make a key that has it.",
                    statusCode: StatusCodes.Status403Forbidden
                )
                .ExecuteAsync(http);
        }

        var roles = string.Join(", ", http.User.FindAll(System.Security.Claims.ClaimTypes.Role).Select(c => c.Value));
        var detail =
            roles == LabRoles.Reviewer
                ? "Your role is Reviewer, which may look and draw samples but change nothing. Ask an administrator for the role Member."
                : $"Your role ({(roles.Length > 0 ? roles : "none")}) does not allow this.";
        return TypedResults.Problem(detail, statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(http);
    }

    private static string? ScopeOf(string? policy) =>
        policy switch
        {
            Policies.Generate => KeyScopes.Generate,
            Policies.Operate => KeyScopes.Run,
            Policies.Administer => KeyScopes.Administer,
            Policies.Appoint or Policies.Person => null,
            _ => KeyScopes.Read,
        };

    internal static Task OnRedirectToLogin(RedirectContext<CookieAuthenticationOptions> context)
    {
        if (!IsForPrograms(context.Request))
        {
            context.Response.Redirect(context.RedirectUri);
            return Task.CompletedTask;
        }

        context.Response.Headers.WWWAuthenticate = "Bearer";
        return TypedResults
            .Problem("Sign in, or send an API key: Authorization: Bearer smt_…", statusCode: StatusCodes.Status401Unauthorized)
            .ExecuteAsync(context.HttpContext);
    }

    internal static Task OnRedirectToAccessDenied(RedirectContext<CookieAuthenticationOptions> context)
    {
        if (IsForPrograms(context.Request))
        {
            return ForbiddenAsync(context.HttpContext);
        }

        context.Response.Redirect(context.RedirectUri);
        return Task.CompletedTask;
    }
}
