using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>
/// Whether somebody who came in earlier would be let in now. Open pages and hub connections last for days without a
/// request that would check cookie or key: whoever holds them asks when <see cref="Departures"/> tells that somebody lost
/// something, and from time to time besides.
/// </summary>
internal sealed class Welcome(SessionService sessions, ApiKeyService keys, IOptions<IdentityOptions> options, TimeProvider clock)
{
    /// <summary>
    /// How often to ask where nothing was told: what ends by the clock alone (a key, a cookie) counts after this time at the latest.
    /// </summary>
    internal static readonly TimeSpan AskEvery = TimeSpan.FromMinutes(1);

    /// <summary>What somebody came in with: the same for all who came in with one key, or in one session.</summary>
    internal (string? Key, string? User, string? Session) PassOf(ClaimsPrincipal? person) =>
        (
            person?.FindFirstValue(ApiKeyHandler.KeyClaim),
            person?.FindFirstValue(ClaimTypes.NameIdentifier),
            person?.FindFirstValue(SessionCookies.SessionClaim)
        );

    /// <summary>
    /// Claim with the moment at which the cookie of a request ends: whoever outlives the request has no other way to know.
    /// </summary>
    internal const string EndClaim = "smtweb:until";

    /// <summary>Gives the person of a request the moment at which their cookie ends.</summary>
    internal static void Mark(ClaimsPrincipal? person, DateTimeOffset? end)
    {
        if (person?.Identity is not ClaimsIdentity identity)
        {
            return;
        }

        // a cookie that was renewed holds the end of the one before
        foreach (var old in identity.FindAll(EndClaim).ToList())
        {
            identity.RemoveClaim(old);
        }

        if (end is { } at)
        {
            identity.AddClaim(new(EndClaim, at.ToString("O", CultureInfo.InvariantCulture)));
        }
    }

    /// <summary>
    /// False where the session or its cookie has ended, the account was closed, got another role or another password, or the key was
    /// revoked or is over.
    /// </summary>
    /// <exception cref="System.Data.Common.DbException">The database is away, and nobody knows.</exception>
    internal async Task<bool> LastsAsync(ClaimsPrincipal person, CancellationToken ct)
    {
        if (person.FindFirstValue(ApiKeyHandler.KeyClaim) is { } key)
        {
            return await keys.IsOpenAsync(long.Parse(key, CultureInfo.InvariantCulture), ct);
        }

        if (person.FindFirstValue(EndClaim) is { } end && clock.GetUtcNow() >= DateTimeOffset.Parse(end, CultureInfo.InvariantCulture))
        {
            return false;
        }

        return SessionCookies.SessionOf(person) is { } session
            && person.FindFirstValue(ClaimTypes.NameIdentifier) is { } user
            && await sessions.LastsAsync(session, user, person.FindFirstValue(options.Value.ClaimsIdentity.SecurityStampClaimType), ct);
    }
}
