using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.StaticAssets;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>Signs people in and out: the cookie names a session that the server keeps, and is worth nothing without it.</summary>
internal static class SessionCookies
{
    /// <summary>Claim with the id of the session.</summary>
    internal const string SessionClaim = "smtweb:session";

    /// <summary>Begins a session, and gives the browser its cookie.</summary>
    internal static async Task BeginAsync(this SignInManager<LabUser> signIn, LabUser user, bool stay, CancellationToken ct)
    {
        var http = signIn.Context;
        var session = await http.RequestServices.GetRequiredService<SessionService>().BeginAsync(user.Id, ct);
        await signIn.SignInWithClaimsAsync(user, stay, [new Claim(SessionClaim, session.ToString("N", CultureInfo.InvariantCulture))]);
        user.LastSignedIn = http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        await signIn.UserManager.UpdateAsync(user);
    }

    /// <summary>Ends the session of a request, on the server and in this browser.</summary>
    internal static async Task EndAsync(this SignInManager<LabUser> signIn, CancellationToken ct)
    {
        if (SessionOf(signIn.Context.User) is { } session)
        {
            await signIn.Context.RequestServices.GetRequiredService<SessionService>().EndAsync(session, ct);
        }

        await signIn.SignOutAsync();
    }

    /// <summary>The session that somebody came in with, or null.</summary>
    internal static Guid? SessionOf(ClaimsPrincipal? person) =>
        Guid.TryParse(person?.FindFirstValue(SessionClaim), CultureInfo.InvariantCulture, out var id) ? id : null;

    /// <summary>Each request asks whether its session lasts: one look-up by key, which files that hold no data are spared.</summary>
    internal static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        Welcome.Mark(context.Principal, context.Properties.ExpiresUtc);
        var http = context.HttpContext;
        if (http.GetEndpoint()?.Metadata.GetMetadata<StaticAssetDescriptor>() is not null)
        {
            return;
        }

        if (
            context.Principal is not { } person
            || !await http.RequestServices.GetRequiredService<Welcome>().LastsAsync(person, http.RequestAborted)
        )
        {
            context.RejectPrincipal();
            await http.RequestServices.GetRequiredService<SignInManager<LabUser>>().SignOutAsync();
        }
    }
}
