using System.ComponentModel.DataAnnotations;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>A role of an account.</summary>
internal enum AccountRole
{
    /// <summary>Everything, users and keys of others included.</summary>
    Admin,

    /// <summary>Starts, stops, changes and deletes runs.</summary>
    Member,

    /// <summary>Looks at runs and draws samples.</summary>
    Reviewer,
}

/// <summary>A new account.</summary>
internal sealed record CreateUserRequest
{
    /// <summary>Name to sign in with: letters, digits and -._@+</summary>
    [StringLength(100, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>What the account may do.</summary>
    public required AccountRole Role { get; init; }
}

/// <summary>Another role.</summary>
internal sealed record RoleRequest
{
    /// <summary>What the account may do.</summary>
    public required AccountRole Role { get; init; }
}

/// <summary>A new account and the link by which its owner chooses a password.</summary>
internal sealed record CreatedUser(AccountInfo User, string Link);

/// <summary>A link that lets an account in once.</summary>
internal sealed record SignInLink(string Link, DateTimeOffset Expires);

/// <summary>Accounts; administrators only.</summary>
internal static class UsersApi
{
    internal static void MapUsers(this RouteGroupBuilder api)
    {
        var users = api.MapGroup("/users").WithTags("Users").RequireAuthorization(Policies.Administer);
        users.MapGet("/", ListAsync).WithName("ListUsers").WithSummary("All accounts, by name.").Produces<IReadOnlyList<AccountInfo>>();
        users.MapPost("/", CreateAsync).WithName("CreateUser").WithSummary("Makes an account and a one-time link by which its owner chooses a password.")
            .Accepts<CreateUserRequest>("application/json").Produces<CreatedUser>(201).ProducesValidationProblem().ProducesProblem(409);
        users.MapPut("/{id}/role", SetRoleAsync).WithName("SetUserRole").WithSummary("Gives an account another role.")
            .Accepts<RoleRequest>("application/json").Produces(204).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409);
        users.MapPost("/{id}/reset", ResetAsync).WithName("ResetUser").WithSummary("Takes the password away and makes a one-time link.")
            .Produces<SignInLink>().ProducesProblem(404);
        users.MapPost("/{id}/disable", (string id, AccountService accounts) => SetDisabledAsync(id, accounts, true)).WithName("DisableUser")
            .WithSummary("Closes an account; its keys open nothing.").Produces(204).ProducesProblem(404).ProducesProblem(409);
        users.MapPost("/{id}/enable", (string id, AccountService accounts) => SetDisabledAsync(id, accounts, false)).WithName("EnableUser")
            .WithSummary("Opens an account again.").Produces(204).ProducesProblem(404);
    }

    private static async Task<IResult> ListAsync(AccountService accounts, CancellationToken ct) => TypedResults.Ok(await accounts.ListAsync(ct));

    private static async Task<IResult> CreateAsync(HttpRequest request, AccountService accounts, OneTimeLinks links, CancellationToken ct)
    {
        var body = await StrictBody<CreateUserRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        var (account, change) = await accounts.CreateAsync(wanted.Name, wanted.Role.ToString());
        return account is null
            ? Problems.Conflict(change.Problem!)
            : TypedResults.Created($"/api/v1/users/{account.Id}", new CreatedUser(account, Absolute(request, await links.CreateAsync(account.Id, ct))));
    }

    private static async Task<IResult> SetRoleAsync(string id, HttpRequest request, AccountService accounts, CancellationToken ct)
    {
        var body = await StrictBody<RoleRequest>.ReadAsync(request, ct);
        return body.IsUsable(out var wanted, out var answer) ? Answer(id, await accounts.SetRoleAsync(id, wanted.Role.ToString())) : answer;
    }

    private static async Task<IResult> ResetAsync(string id, HttpRequest request, AccountService accounts, OneTimeLinks links, TimeProvider clock, CancellationToken ct)
    {
        var expires = clock.GetUtcNow() + OneTimeLinks.Lifetime;
        return await accounts.ClearPasswordAsync(id) is null
            ? NoUser(id)
            : TypedResults.Ok(new SignInLink(Absolute(request, await links.CreateAsync(id, ct)), expires));
    }

    private static async Task<IResult> SetDisabledAsync(string id, AccountService accounts, bool disabled) => Answer(id, await accounts.SetDisabledAsync(id, disabled));

    private static IResult Answer(string id, AccountChange? change) =>
        change is null ? NoUser(id) : change.Problem is { } problem ? Problems.Conflict(problem) : TypedResults.NoContent();

    private static IResult NoUser(string id) => Problems.NotFound($"There is no user with id '{id}'.");

    private static string Absolute(HttpRequest request, string pathAndQuery) => $"{request.Scheme}://{request.Host}{request.PathBase}{pathAndQuery}";
}
