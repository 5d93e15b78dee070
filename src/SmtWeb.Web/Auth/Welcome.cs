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
internal sealed class Welcome(IServiceScopeFactory scopes, ApiKeyService keys, IOptions<IdentityOptions> options)
{
    /// <summary>How often to ask: what was taken away counts after this time at the latest.</summary>
    internal static readonly TimeSpan AskEvery = TimeSpan.FromMinutes(1);

    /// <summary>What somebody came in with: the same for all who came in with one key, or with cookies of one account and state.</summary>
    internal (string? Key, string? User, string? Stamp) PassOf(ClaimsPrincipal? person) =>
        (person?.FindFirstValue(ApiKeyHandler.KeyClaim), person?.FindFirstValue(ClaimTypes.NameIdentifier), person?.FindFirstValue(options.Value.ClaimsIdentity.SecurityStampClaimType));

    /// <summary>False where the account was disabled, got another role or another password, or the key was revoked.</summary>
    internal async Task<bool> LastsAsync(ClaimsPrincipal person, CancellationToken ct)
    {
        if (person.FindFirstValue(ApiKeyHandler.KeyClaim) is { } key)
        {
            return await keys.IsOpenAsync(long.Parse(key, CultureInfo.InvariantCulture), ct);
        }

        await using var scope = scopes.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<LabUser>>();
        return await users.GetUserAsync(person) is { } user
            && person.FindFirstValue(options.Value.ClaimsIdentity.SecurityStampClaimType) == await users.GetSecurityStampAsync(user);
    }
}
