using System.Globalization;
using System.Security.Claims;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>Who is asking.</summary>
public static class PrincipalExtensions
{
    /// <summary>The user's name as runs record it.</summary>
    public static string DisplayName(this ClaimsPrincipal user) => user.Identity?.Name ?? "unknown";

    /// <summary>False for a key that has not this scope; people have all.</summary>
    public static bool HasScope(this ClaimsPrincipal user, string scope) =>
        user.FindFirstValue(ApiKeyHandler.KeyClaim) is null || user.HasClaim(ApiKeyHandler.ScopeClaim, scope);

    /// <summary>
    /// Who this is for the audit log; <paramref name="http"/> tells from where, and is null for live pages, which outlast their request.
    /// </summary>
    public static Actor Actor(this ClaimsPrincipal user, HttpContext? http = null) =>
        new(
            user.DisplayName(),
            long.TryParse(user.FindFirstValue(ApiKeyHandler.KeyClaim), CultureInfo.InvariantCulture, out var key) ? key : null,
            http?.Connection.RemoteIpAddress?.ToString()
        );

    /// <summary>Who makes this request, for the audit log.</summary>
    public static Actor Actor(this HttpContext http) => http.User.Actor(http);

    /// <summary>The user's id.</summary>
    public static string UserId(this ClaimsPrincipal user) =>
        user.FindFirstValue(ClaimTypes.NameIdentifier)
        ?? throw new InvalidOperationException("Nobody is signed in; an endpoint lacks its policy.");
}
