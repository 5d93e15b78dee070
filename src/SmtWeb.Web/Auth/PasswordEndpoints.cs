using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth.Pages;

namespace SmtWeb.Web.Auth;

/// <summary>Change of one's own password; all other sessions of the account end at once, and so do links that nobody used.</summary>
internal static class PasswordEndpoints
{
    private const string Path = "/account/password";

    internal static void MapPasswordChange(this RouteGroupBuilder person)
    {
        person.MapGet(Path, (HttpContext http, IOptions<IdentityOptions> options) => Page(http, options.Value, null));
        person.MapPost(Path, ChangeAsync);
    }

    private static async Task<IResult> ChangeAsync(
        HttpContext http,
        SignInManager<LabUser> signIn,
        SignInThrottle throttle,
        IOptions<IdentityOptions> options,
        SessionService sessions,
        OneTimeLinks links,
        AuditLog audit,
        CancellationToken ct,
        [FromForm] string current,
        [FromForm] string password,
        [FromForm] string again
    )
    {
        if (throttle.Attempt(http.Connection.RemoteIpAddress, http.User.DisplayName()) is { } wait)
        {
            return Page(http, options.Value, $"Too many attempts. Try again in {Math.Ceiling(wait.TotalSeconds)} seconds.");
        }

        var user = await signIn.UserManager.GetUserAsync(http.User) ?? throw new InvalidOperationException("The account is gone.");
        if (await OneTimeLinkEndpoints.PasswordProblemAsync(signIn.UserManager, user, password, again) is { } problem)
        {
            return Page(http, options.Value, problem);
        }

        var changed = await signIn.UserManager.ChangePasswordAsync(user, current, password);
        if (!changed.Succeeded)
        {
            return Page(http, options.Value, string.Join(" ", changed.Errors.Select(e => e.Description)));
        }

        await sessions.EndAllAsync(user.Id, ct);
        await links.RevokeAllAsync(user.Id, ct);
        await signIn.BeginAsync(user, stay: false, ct);
        await audit.WriteAsync(http.Actor(), AuditActions.PasswordChanged, user.UserName!, ct: ct);
        return TypedResults.LocalRedirect("/");
    }

    private static RazorComponentResult<PasswordPage> Page(HttpContext http, IdentityOptions options, string? problem) =>
        new(
            new
            {
                Token = http.FormToken(),
                MinimumLength = options.Password.RequiredLength,
                Problem = problem,
            }
        )
        {
            StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest,
        };
}
