using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using SmtWeb.Runs.Model;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>
/// Whether somebody who came in earlier would be let in now. Open pages and hub connections last for days without a
/// request that would check cookie or key, so whoever holds them asks from time to time.
/// </summary>
internal sealed class Welcome(IServiceScopeFactory scopes, ApiKeyService keys, IOptions<IdentityOptions> options, TimeProvider clock)
{
    /// <summary>How often to ask: what was taken away counts after this time at the latest.</summary>
    internal static readonly TimeSpan AskEvery = TimeSpan.FromMinutes(1);

    /// <summary>What somebody came in with: the same for all who came in with one key, or with cookies of one account and state.</summary>
    internal (string? Key, string? User, string? Stamp) PassOf(ClaimsPrincipal? person) =>
        (person?.FindFirstValue(ApiKeyHandler.KeyClaim), person?.FindFirstValue(ClaimTypes.NameIdentifier), person?.FindFirstValue(options.Value.ClaimsIdentity.SecurityStampClaimType));

    /// <summary>Claim with the moment at which the cookie of a request ends: whoever outlives the request has no other way to know.</summary>
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

    /// <summary>False where the cookie has ended, the account was disabled, got another role or another password, or the key was revoked.</summary>
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

        await using var scope = scopes.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<LabUser>>();
        return await users.GetUserAsync(person) is { } user
            && person.FindFirstValue(options.Value.ClaimsIdentity.SecurityStampClaimType) == await users.GetSecurityStampAsync(user);
    }
}
