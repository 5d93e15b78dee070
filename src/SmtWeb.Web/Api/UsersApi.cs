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
    [VisibleName, StringLength(AccountService.LongestName, MinimumLength = 1)]
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

/// <summary>Accounts; administrators only. What would outlast a key (accounts, roles, links) is made in person.</summary>
internal static class UsersApi
{
    internal static void MapUsers(this RouteGroupBuilder api)
    {
        var users = api.MapGroup("/users").WithTags("Users").RequireAuthorization(Policies.Administer);
        users.MapGet("/", ListAsync).WithName("ListUsers").WithSummary("All accounts, by name.").Produces<IReadOnlyList<AccountInfo>>();
        users
            .MapPost("/", CreateAsync)
            .RequireAuthorization(Policies.Appoint)
            .WithMetadata(SecretAnswer.Instance)
            .WithName("CreateUser")
            .WithSummary("Makes an account and a one-time link by which its owner chooses a password.")
            .Accepts<CreateUserRequest>("application/json")
            .Produces<CreatedUser>(201)
            .ProducesProblem(409);
        users
            .MapPut("/{id}/role", SetRoleAsync)
            .RequireAuthorization(Policies.Appoint)
            .WithName("SetUserRole")
            .WithSummary("Gives an account another role.")
            .Accepts<RoleRequest>("application/json")
            .Produces(204)
            .ProducesProblem(404)
            .ProducesProblem(409);
        users
            .MapPost("/{id}/reset", ResetAsync)
            .RequireAuthorization(Policies.Appoint)
            .WithMetadata(SecretAnswer.Instance)
            .WithName("ResetUser")
            .WithSummary("Takes the password away and makes a one-time link.")
            .Produces<SignInLink>()
            .ProducesProblem(404);
        users
            .MapPost("/{id}/disable", DisableAsync)
            .WithName("DisableUser")
            .WithSummary("Closes an account; its keys open nothing.")
            .Produces(204)
            .ProducesProblem(404)
            .ProducesProblem(409);
        users
            .MapPost("/{id}/enable", EnableAsync)
            .RequireAuthorization(Policies.Appoint)
            .WithName("EnableUser")
            .WithSummary("Opens an account again.")
            .Produces(204)
            .ProducesProblem(404);
    }

    private static async Task<IResult> ListAsync(AccountService accounts, CancellationToken ct) =>
        TypedResults.Ok(await accounts.ListAsync(ct));

    private static async Task<IResult> CreateAsync(HttpRequest request, AccountService accounts, OneTimeLinks links, CancellationToken ct)
    {
        var body = await StrictBody<CreateUserRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        var (account, change) = await accounts.CreateAsync(wanted.Name, wanted.Role.ToString(), request.HttpContext.Actor());
        return account is null
            ? Problems.Conflict(change.Problem!)
            : TypedResults.Created(
                $"/api/v1/users/{account.Id}",
                new CreatedUser(account, Absolute(request, await links.CreateAsync(account.Id, request.HttpContext.Actor(), ct)))
            );
    }

    private static async Task<IResult> SetRoleAsync(string id, HttpRequest request, AccountService accounts, CancellationToken ct)
    {
        var body = await StrictBody<RoleRequest>.ReadAsync(request, ct);
        return body.IsUsable(out var wanted, out var answer)
            ? Answer(id, await accounts.SetRoleAsync(id, wanted.Role.ToString(), request.HttpContext.Actor()))
            : answer;
    }

    private static async Task<IResult> ResetAsync(
        string id,
        HttpRequest request,
        AccountService accounts,
        OneTimeLinks links,
        TimeProvider clock,
        CancellationToken ct
    )
    {
        var expires = clock.GetUtcNow() + OneTimeLinks.Lifetime;
        if (await accounts.ClearPasswordAsync(id, request.HttpContext.Actor()) is null)
        {
            return NoUser(id);
        }

        await links.RevokeAllAsync(id, ct);
        return TypedResults.Ok(new SignInLink(Absolute(request, await links.CreateAsync(id, request.HttpContext.Actor(), ct)), expires));
    }

    private static async Task<IResult> DisableAsync(string id, AccountService accounts, HttpContext http) =>
        Answer(id, await accounts.SetDisabledAsync(id, true, http.Actor()));

    private static async Task<IResult> EnableAsync(string id, AccountService accounts, HttpContext http) =>
        Answer(id, await accounts.SetDisabledAsync(id, false, http.Actor()));

    private static IResult Answer(string id, AccountChange? change) =>
        change is null ? NoUser(id)
        : change.Problem is { } problem ? Problems.Conflict(problem)
        : TypedResults.NoContent();

    private static IResult NoUser(string id) => Problems.NotFound($"There is no user with id '{id}'.");

    private static string Absolute(HttpRequest request, string pathAndQuery) =>
        $"{request.Scheme}://{request.Host}{request.PathBase}{pathAndQuery}";
}
