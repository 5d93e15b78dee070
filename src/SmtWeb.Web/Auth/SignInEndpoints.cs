using System.Globalization;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using SmtWeb.Runs.Model;
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
        http.User.Identity?.IsAuthenticated == true ? TypedResults.LocalRedirect(LocalOrHome(returnUrl)) : Page(http, null, returnUrl, null);

    private static async Task<IResult> SignInAsync(
        HttpContext http, SignInManager<LabUser> signIn, SignInThrottle throttle, TimeProvider clock,
        [FromForm] string name, [FromForm] string password, [FromForm] string? returnUrl, [FromForm] bool stay = false)
    {
        if (throttle.Attempt(http.Connection.RemoteIpAddress, name) is { } wait)
        {
            return TooMany(http, wait, returnUrl);
        }

        var user = await signIn.UserManager.FindByNameAsync(name);
        if (user is null)
        {
            // as much work as a known name makes, so that time does not tell them apart
            signIn.UserManager.PasswordHasher.HashPassword(new LabUser(), password);
            return Page(http, name, returnUrl, Refused);
        }

        var result = await signIn.PasswordSignInAsync(user, password, isPersistent: stay, lockoutOnFailure: true);
        if (!result.Succeeded)
        {
            return Page(http, name, returnUrl, Refused);
        }

        await signIn.RecordAsync(user, clock);
        return TypedResults.LocalRedirect(LocalOrHome(returnUrl));
    }

    internal static async Task RecordAsync(this SignInManager<LabUser> signIn, LabUser user, TimeProvider clock)
    {
        user.LastSignedIn = clock.GetUtcNow();
        await signIn.UserManager.UpdateAsync(user);
    }

    private static async Task<IResult> SignOutAsync(SignInManager<LabUser> signIn)
    {
        await signIn.SignOutAsync();
        return TypedResults.LocalRedirect(Path);
    }

    private static RazorComponentResult<SignInPage> Page(HttpContext http, string? name, string? returnUrl, string? problem) =>
        new(new { Token = http.FormToken(), Name = name, ReturnUrl = LocalOrHome(returnUrl), Problem = problem })
        {
            StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status401Unauthorized,
        };

    private static RazorComponentResult<SignInPage> TooMany(HttpContext http, TimeSpan wait, string? returnUrl)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return new(new { Token = http.FormToken(), ReturnUrl = LocalOrHome(returnUrl), Problem = $"Too many attempts. Try again in {seconds} seconds." })
        {
            StatusCode = StatusCodes.Status429TooManyRequests,
        };
    }
}
