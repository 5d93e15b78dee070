using System.Security.Claims;

namespace SmtWeb.Web.Auth;

/// <summary>Who is asking.</summary>
public static class PrincipalExtensions
{
    /// <summary>The user's name as runs record it.</summary>
    public static string DisplayName(this ClaimsPrincipal user) => user.Identity?.Name ?? "unknown";

    /// <summary>The user's id.</summary>
    public static string UserId(this ClaimsPrincipal user) =>
        user.FindFirstValue(ClaimTypes.NameIdentifier) ?? throw new InvalidOperationException("Nobody is signed in; an endpoint lacks its policy.");
}
