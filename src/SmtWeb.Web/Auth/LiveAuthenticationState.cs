using System.Data.Common;
using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;

namespace SmtWeb.Web.Auth;

/// <summary>The user of a live page, who is signed out where <see cref="Welcome"/> says so.</summary>
internal sealed class LiveAuthenticationState(ILoggerFactory logger, Welcome welcome) : RevalidatingServerAuthenticationStateProvider(logger)
{
    /// <inheritdoc/>
    protected override TimeSpan RevalidationInterval => Welcome.AskEvery;

    /// <summary>Asks now, and signs the page out where the answer is no; the person, or nobody.</summary>
    internal async Task<ClaimsPrincipal> AskAgainAsync()
    {
        var person = (await GetAuthenticationStateAsync()).User;
        if (person.Identity?.IsAuthenticated != true || await welcome.LastsAsync(person, CancellationToken.None))
        {
            return person;
        }

        var nobody = new ClaimsPrincipal(new ClaimsIdentity());
        SetAuthenticationState(Task.FromResult(new AuthenticationState(nobody)));
        return nobody;
    }

    /// <inheritdoc/>
    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        try
        {
            return await welcome.LastsAsync(authenticationState.User, cancellationToken);
        }
        catch (DbException)
        {
            // The base class takes a fault for a no, and would sign every open page out because the database restarts.
            return true;
        }
    }
}
