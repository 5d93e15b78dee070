using System.Globalization;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth.Pages;

namespace SmtWeb.Web.Auth;

/// <summary>Sign-in by password, sign-out. Plain forms: cookies are set by requests, which a live page has none of.</summary>
internal static class SignInEndpoints
{
    internal const string Path = "/sign-in";
    internal const string RefusedPath = "/refused";

    // One sentence for every reason, so that nobody learns which names exist.
    private const string Refused = "Name or password is wrong, or the account is closed for now.";

    internal static void MapSignIn(this IEndpointRouteBuilder app)
    {
        var stranger = app.MapGroup("").AllowAnonymous().ExcludeFromDescription();
        stranger.MapGet(Path, Show);
        stranger.MapPost(Path, SignInAsync);
        stranger.MapOneTimeLinks();
        stranger.MapLabSignIn();
        var person = app.MapGroup("").RequireAuthorization(Policies.Person).ExcludeFromDescription();
        person.MapPost("/sign-out", SignOutAsync);
        person.MapGet(RefusedPath, () => new RazorComponentResult<RefusedPage> { StatusCode = StatusCodes.Status403Forbidden });
        person.MapPasswordChange();
    }

    /// <summary>The hidden field that every form needs.</summary>
    internal static AntiforgeryTokenSet FormToken(this HttpContext http) =>
        http.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(http);

    internal static string LocalOrHome(string? url) =>
        url is ['/', not ('/' or '\\'), ..] && Uri.IsWellFormedUriString(url, UriKind.Relative) ? url : "/";

    private static IResult Show(HttpContext http, string? returnUrl) =>
        http.User.Identity?.IsAuthenticated == true
            ? TypedResults.LocalRedirect(LocalOrHome(returnUrl))
            : Page(http, null, returnUrl, null);

    private static async Task<IResult> SignInAsync(
        HttpContext http,
        SignInManager<LabUser> signIn,
        SignInThrottle throttle,
        PasswordCheck check,
        AuditLog audit,
        CancellationToken ct,
        [FromForm] string name,
        [FromForm] string password,
        [FromForm] string? returnUrl,
        [FromForm] bool stay = false
    )
    {
        if (throttle.Attempt(http.Connection.RemoteIpAddress, name) is { } wait)
        {
            return TooMany(http, wait, returnUrl);
        }

        // written down before the answer, known or not: neither the log nor the time tells a stranger which names exist
        if (await check.FindAsync(signIn.UserManager, name, password, ct) is not { } user)
        {
            await audit.WriteAsync(new Actor(name, Address: http.Actor().Address), AuditActions.SignInFailed, name, "by password", ct);
            return Page(http, name, returnUrl, Refused);
        }

        await signIn.BeginAsync(user, stay, ct);
        await audit.WriteAsync(
            new Actor(user.UserName!, Address: http.Actor().Address),
            AuditActions.SignedIn,
            user.UserName!,
            "by password",
            ct
        );
        return TypedResults.LocalRedirect(LocalOrHome(returnUrl));
    }

    private static async Task<IResult> SignOutAsync(HttpContext http, SignInManager<LabUser> signIn, AuditLog audit, CancellationToken ct)
    {
        await audit.WriteAsync(http.Actor(), AuditActions.SignedOut, http.User.DisplayName(), ct: ct);
        await signIn.EndAsync(ct);
        return TypedResults.LocalRedirect(Path);
    }

    internal static RazorComponentResult<SignInPage> Page(HttpContext http, string? name, string? returnUrl, string? problem) =>
        new(
            new
            {
                Token = http.FormToken(),
                Name = name,
                ReturnUrl = LocalOrHome(returnUrl),
                Problem = problem,
                Lab = http.RequestServices.GetService<LabSignInOptions>(),
            }
        )
        {
            StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status401Unauthorized,
        };

    private static RazorComponentResult<SignInPage> TooMany(HttpContext http, TimeSpan wait, string? returnUrl)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return new(
            new
            {
                Token = http.FormToken(),
                ReturnUrl = LocalOrHome(returnUrl),
                Problem = $"Too many attempts. Try again in {seconds} seconds.",
            }
        )
        {
            StatusCode = StatusCodes.Status429TooManyRequests,
        };
    }
}
