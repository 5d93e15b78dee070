using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>
/// Sign-in at the lab's own provider (OpenID Connect, code flow with PKCE; ASP.NET Core's handler). The provider says who
/// somebody is, by its own unchanging id; what that person may do is SmtWeb's business. A name that the provider tells never
/// opens an account that exists: one is linked by its owner, who signs in here first and then once more at the provider.
/// </summary>
internal static class LabSignIn
{
    /// <summary>Path that leads to the provider.</summary>
    internal const string Path = "/sign-in/lab";

    /// <summary>Name of the scheme, and of the provider in linked accounts.</summary>
    internal const string Scheme = "lab";

    private const string DonePath = "/sign-in/lab/done";
    private const string Way = "at the lab's provider";

    internal static void AddLabSignIn(this AuthenticationBuilder schemes, IServiceCollection services, LabSignInOptions? lab)
    {
        if (lab is null)
        {
            return;
        }

        services.AddSingleton(lab);
        schemes.AddOpenIdConnect(
            Scheme,
            o =>
            {
                o.Authority = lab.Authority.ToString();
                o.RequireHttpsMetadata = lab.Authority.Scheme == Uri.UriSchemeHttps;
                (o.ClientId, o.ClientSecret) = (lab.ClientId, lab.ClientSecret);
                o.SignInScheme = IdentityConstants.ExternalScheme;
                o.ResponseType = OpenIdConnectResponseType.Code;
                o.ResponseMode = OpenIdConnectResponseMode.Query; // comes back by a link, which lax cookies accompany
                o.CallbackPath = "/sign-in/lab/callback";
                o.MapInboundClaims = false;
                o.Scope.Add("email");
                foreach (var cookie in new[] { o.CorrelationCookie, o.NonceCookie })
                {
                    cookie.SameSite = SameSiteMode.Lax;
                    cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
                }

                o.TokenValidationParameters.NameClaimType = "preferred_username";
                o.Events.OnTokenValidated = context =>
                {
                    // Identity looks for the provider's id of a person under this name
                    if (context.Principal?.FindFirstValue("sub") is { } sub)
                    {
                        ((ClaimsIdentity)context.Principal.Identity!).AddClaim(new Claim(ClaimTypes.NameIdentifier, sub));
                    }

                    return Task.CompletedTask;
                };
                o.Events.OnRemoteFailure = context =>
                {
                    context.Response.Redirect($"{DonePath}?failed=true");
                    context.HandleResponse();
                    return Task.CompletedTask;
                };
            }
        );
    }

    internal static void MapLabSignIn(this RouteGroupBuilder stranger)
    {
        if (((IEndpointRouteBuilder)stranger).ServiceProvider.GetService<LabSignInOptions>() is null)
        {
            return;
        }

        stranger.MapGet(Path, Begin);
        stranger.MapGet(DonePath, DoneAsync);
    }

    private static IResult Begin(HttpContext http, SignInManager<LabUser> signIn, string? returnUrl)
    {
        var done = $"{DonePath}?returnUrl={Uri.EscapeDataString(SignInEndpoints.LocalOrHome(returnUrl))}";
        var linkTo = http.User.Identity?.IsAuthenticated == true ? http.User.UserId() : null;
        return TypedResults.Challenge(signIn.ConfigureExternalAuthenticationProperties(Scheme, done, linkTo), [Scheme]);
    }

    private static async Task<IResult> DoneAsync(
        HttpContext http,
        SignInManager<LabUser> signIn,
        SignInThrottle throttle,
        AccountService accounts,
        LabSignInOptions lab,
        AuditLog audit,
        CancellationToken ct,
        string? returnUrl = null,
        bool failed = false
    )
    {
        if (throttle.Attempt(http.Connection.RemoteIpAddress, null) is { } wait)
        {
            return Notices.TooMany(http, wait);
        }

        var linkTo = http.User.Identity?.IsAuthenticated == true ? await signIn.UserManager.GetUserAsync(http.User) : null;
        var info = failed ? null : await signIn.GetExternalLoginInfoAsync(linkTo?.Id);
        await http.SignOutAsync(IdentityConstants.ExternalScheme);
        if (info is null)
        {
            return Refuse("The provider let nobody in. Try once more.");
        }

        var told = info.Principal.FindFirstValue("preferred_username") ?? info.Principal.FindFirstValue("email")?.Split('@')[0] ?? "";
        var user = await signIn.UserManager.FindByLoginAsync(Scheme, info.ProviderKey);
        if (user is null && linkTo is not null)
        {
            var linked = await signIn.UserManager.AddLoginAsync(linkTo, new UserLoginInfo(Scheme, info.ProviderKey, lab.Name));
            return linked.Succeeded
                ? TypedResults.LocalRedirect(SignInEndpoints.LocalOrHome(returnUrl))
                : Refuse(string.Join(" ", linked.Errors.Select(e => e.Description)));
        }

        if (user is null && lab.CreateAs is { } role)
        {
            user = await CreateAsync(signIn.UserManager, accounts, told, role, info.ProviderKey, lab);
        }

        if (user is null || AccountService.IsDisabled(user))
        {
            await audit.WriteAsync(new Actor(told, Address: http.Actor().Address), AuditActions.SignInFailed, told, Way, ct);
            return Refuse(
                "The provider knows you; this site has no open account for you. Ask an administrator; whoever has one signs in with "
                    + "the password first and then here, to link it."
            );
        }

        await signIn.BeginAsync(user, stay: false, ct);
        await audit.WriteAsync(new Actor(user.UserName!, Address: http.Actor().Address), AuditActions.SignedIn, user.UserName!, Way, ct);
        return TypedResults.LocalRedirect(SignInEndpoints.LocalOrHome(returnUrl));

        IResult Refuse(string problem) => SignInEndpoints.Page(http, null, returnUrl, problem);
    }

    /// <summary>A new account, linked from its first moment; null where its name is taken or cannot be one.</summary>
    private static async Task<LabUser?> CreateAsync(
        UserManager<LabUser> users,
        AccountService accounts,
        string name,
        string role,
        string providerKey,
        LabSignInOptions lab
    )
    {
        if (
            NameRule.Problem(name, AccountService.LongestName) is not null
            || (await accounts.CreateAsync(name, role, Actor.Server)).Account is not { } account
        )
        {
            return null;
        }

        var user = await users.FindByIdAsync(account.Id);
        return user is not null && (await users.AddLoginAsync(user, new UserLoginInfo(Scheme, providerKey, lab.Name))).Succeeded
            ? user
            : null;
    }
}
