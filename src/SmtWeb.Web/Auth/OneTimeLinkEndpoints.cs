using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth.Pages;

namespace SmtWeb.Web.Auth;

/// <summary>
/// The page behind a one-time link. Opening it changes nothing, for mail scanners and previews open links too; its button
/// uses the link up. An account without a password chooses one here.
/// </summary>
internal static class OneTimeLinkEndpoints
{
    internal static void MapOneTimeLinks(this RouteGroupBuilder stranger)
    {
        stranger.MapGet(OneTimeLinks.Page, ShowAsync);
        stranger.MapPost(OneTimeLinks.Page, UseAsync);
    }

    private static async Task<IResult> ShowAsync(
        HttpContext http,
        OneTimeLinks links,
        IOptions<IdentityOptions> options,
        CancellationToken ct,
        string token = ""
    ) =>
        Page(
            http,
            await links.PeekAsync(token, ct) is { } user && !AccountService.IsDisabled(user) ? user : null,
            token,
            options.Value,
            null
        );

    private static async Task<IResult> UseAsync(
        HttpContext http,
        OneTimeLinks links,
        SignInManager<LabUser> signIn,
        SignInThrottle throttle,
        IOptions<IdentityOptions> options,
        AuditLog audit,
        CancellationToken ct,
        [FromForm] string token,
        [FromForm] string? password,
        [FromForm] string? again
    )
    {
        if (throttle.Attempt(http.Connection.RemoteIpAddress, null) is { } wait)
        {
            return Notices.TooMany(http, wait);
        }

        if (await links.PeekAsync(token, ct) is not { } owner || AccountService.IsDisabled(owner))
        {
            return Page(http, null, token, options.Value, null);
        }

        var user = (await signIn.UserManager.FindByIdAsync(owner.Id))!;
        if (user.PasswordHash is null && await PasswordProblemAsync(signIn.UserManager, user, password, again) is { } problem)
        {
            return Page(http, user, token, options.Value, problem); // a weak password does not use the link up
        }

        if (!await links.UseAsync(token, ct))
        {
            return Page(http, null, token, options.Value, null);
        }

        if (user.PasswordHash is null)
        {
            var set = await signIn.UserManager.AddPasswordAsync(user, password!);
            if (!set.Succeeded)
            {
                return Page(http, null, token, options.Value, string.Join(" ", set.Errors.Select(e => e.Description)));
            }
        }

        await signIn.BeginAsync(user, stay: false, ct);
        await audit.WriteAsync(
            new Actor(user.UserName!, Address: http.Actor().Address),
            AuditActions.SignedIn,
            user.UserName!,
            "by a one-time link",
            ct
        );
        return TypedResults.LocalRedirect("/");
    }

    internal static async Task<string?> PasswordProblemAsync(UserManager<LabUser> users, LabUser user, string? password, string? again)
    {
        if (string.IsNullOrEmpty(password) || password != again)
        {
            return string.IsNullOrEmpty(password) ? "Choose a password." : "The two passwords differ.";
        }

        if (password.Length > PasswordCheck.LongestPassword)
        {
            return $"The password is longer than {PasswordCheck.LongestPassword} characters.";
        }

        foreach (var validator in users.PasswordValidators)
        {
            var valid = await validator.ValidateAsync(users, user, password);
            if (!valid.Succeeded)
            {
                return string.Join(" ", valid.Errors.Select(e => e.Description));
            }
        }

        return null;
    }

    private static RazorComponentResult<OneTimePage> Page(
        HttpContext http,
        LabUser? user,
        string token,
        IdentityOptions options,
        string? problem
    ) =>
        new(
            new
            {
                Token = http.FormToken(),
                Name = user?.UserName,
                LinkToken = token,
                NeedsPassword = user?.PasswordHash is null,
                MinimumLength = options.Password.RequiredLength,
                Problem = problem,
            }
        )
        {
            StatusCode =
                user is null ? StatusCodes.Status410Gone
                : problem is null ? StatusCodes.Status200OK
                : StatusCodes.Status400BadRequest,
        };
}
