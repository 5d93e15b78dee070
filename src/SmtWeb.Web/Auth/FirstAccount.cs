using Microsoft.AspNetCore.Identity;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>Roles and the first administrator, at every start; and the operator's own way in.</summary>
internal sealed class FirstAccount(IServiceScopeFactory scopes, OneTimeLinks links)
{
    private const string Name = "admin";

    /// <summary>Makes what is missing and returns path and query of a sign-in link for the administrator, for the console only.</summary>
    internal async Task<string> EnsureAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var roles = scope.ServiceProvider.GetRequiredService<RoleManager<IdentityRole>>();
        foreach (var role in LabRoles.All)
        {
            if (!await roles.RoleExistsAsync(role))
            {
                // another node may be starting as well
                Ensure(await roles.CreateAsync(new IdentityRole(role)), ignore: "DuplicateRoleName");
            }
        }

        var users = scope.ServiceProvider.GetRequiredService<UserManager<LabUser>>();
        var admin = (await users.GetUsersInRoleAsync(LabRoles.Admin))
            .Where(u => !AccountService.IsDisabled(u))
            .OrderBy(u => u.Created)
            .FirstOrDefault();
        if (admin is null)
        {
            admin = await users.FindByNameAsync(Name);
            if (admin is null)
            {
                admin = new LabUser { UserName = Name };
                Ensure(await users.CreateAsync(admin));
            }

            Ensure(await users.AddToRoleAsync(admin, LabRoles.Admin), ignore: "UserAlreadyInRole");
            await users.SetLockoutEndDateAsync(admin, null);
        }

        return await links.CreateAsync(admin.Id, Actor.Server, ct);
    }

    private static void Ensure(IdentityResult result, string? ignore = null)
    {
        if (result.Errors.Where(e => e.Code != ignore).ToList() is { Count: > 0 } errors)
        {
            throw new InvalidOperationException(
                $"The first account could not be made: {string.Join(" ", errors.Select(e => e.Description))}"
            );
        }
    }
}
