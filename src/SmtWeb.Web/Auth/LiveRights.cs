using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;

namespace SmtWeb.Web.Auth;

/// <summary>
/// What the person of a live page may do at this moment. A page stays open for days and is asked about once a minute
/// (<see cref="LiveAuthenticationState"/>); a change does not wait for that: each asks here first, and who has lost the
/// account, the role or the session is signed out on the spot.
/// </summary>
public sealed class LiveRights(AuthenticationStateProvider people, IAuthorizationService authorization)
{
    /// <summary>The person, where <paramref name="policy"/> allows it now; else null.</summary>
    public async Task<ClaimsPrincipal?> AskAsync(string policy)
    {
        var person = await ((LiveAuthenticationState)people).AskAgainAsync();
        return (await authorization.AuthorizeAsync(person, policy)).Succeeded ? person : null;
    }
}
