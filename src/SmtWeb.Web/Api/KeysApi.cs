using System.ComponentModel.DataAnnotations;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>A new API key.</summary>
internal sealed record CreateKeyRequest
{
    /// <summary>What it is for.</summary>
    [VisibleName, StringLength(ApiKeyService.LongestName, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>What it may do, never more than its owner: read, generate, run, administer. Left out: read, generate, run.</summary>
    [Length(1, 4)]
    public IReadOnlyList<KeyScope>? Scopes { get; init; }

    /// <summary>Days until it ends; 365 if left out.</summary>
    [Range(1, ApiKeyService.MostDays)]
    public int? Days { get; init; }
}

/// <summary>What a key may do.</summary>
internal enum KeyScope
{
    /// <summary>Look.</summary>
    Read,

    /// <summary>Draw images.</summary>
    Generate,

    /// <summary>Queue runs and change own ones.</summary>
    Run,

    /// <summary>
    /// See accounts and the audit log, close accounts, change the runs of others; never make accounts, roles, links or keys.
    /// </summary>
    Administer,
}

/// <summary>API keys: everyone their own, administrators everybody's.</summary>
internal static class KeysApi
{
    internal static void MapKeys(this RouteGroupBuilder api)
    {
        var keys = api.MapGroup("/keys").WithTags("API keys");
        keys.MapGet("/", ListAsync)
            .WithName("ListKeys")
            .WithSummary("Your keys; with all=true everybody's (administrators).")
            .Produces<IReadOnlyList<ApiKeyInfo>>();
        keys.MapPost("/", CreateAsync)
            .WithName("CreateKey")
            .RequireAuthorization(Policies.Person)
            .WithSummary("Makes a key with some of your rights. Its secret is in this answer and nowhere else. A key cannot make keys.")
            .WithMetadata(SecretAnswer.Instance)
            .Accepts<CreateKeyRequest>("application/json")
            .Produces<NewApiKey>(201);
        keys.MapDelete("/{id:long}", RevokeAsync)
            .WithName("RevokeKey")
            .WithSummary(
                "Revokes a key at once. A key revokes itself; the others of its owner only with the scope run, those of others only "
                    + "with administer."
            )
            .Produces(204)
            .ProducesProblem(404);
    }

    private static async Task<IResult> ListAsync(ApiKeyService keys, HttpContext http, CancellationToken ct, bool all = false) =>
        all && !(http.User.IsInRole(LabRoles.Admin) && http.User.HasScope(KeyScopes.Administer))
            ? TypedResults.Problem(
                "Only administrators see the keys of others (a key of theirs with the scope administer).",
                statusCode: StatusCodes.Status403Forbidden
            )
            : TypedResults.Ok(await keys.ListAsync(all ? null : http.User.UserId(), ct));

    private static async Task<IResult> CreateAsync(HttpRequest request, ApiKeyService keys, CancellationToken ct)
    {
        var body = await StrictBody<CreateKeyRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        NewApiKey key;
        try
        {
            string[]? scopes = wanted.Scopes is null ? null : [.. wanted.Scopes.Select(s => s.ToString().ToLowerInvariant())];
            key = await keys.CreateAsync(
                request.HttpContext.User.UserId(),
                wanted.Name,
                request.HttpContext.Actor(),
                scopes,
                wanted.Days ?? ApiKeyService.UsualDays,
                ct
            );
        }
        catch (ArgumentException e)
        {
            return Problems.Invalid($"$.{e.ParamName}", e.Message.Split(" (Parameter")[0]);
        }

        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Created($"/api/v1/keys/{key.Key.Id}", key);
    }

    private static async Task<IResult> RevokeAsync(long id, ApiKeyService keys, HttpContext http, CancellationToken ct)
    {
        var mightAll = http.User.IsInRole(LabRoles.Admin) && http.User.HasScope(KeyScopes.Administer);
        if (!mightAll && !http.User.HasScope(KeyScopes.Run) && http.Actor().KeyId != id)
        {
            return TypedResults.Problem(
                "This key may end itself only; another one needs the scope run.",
                statusCode: StatusCodes.Status403Forbidden
            );
        }

        return await keys.RevokeAsync(id, mightAll ? null : http.User.UserId(), http.Actor(), ct)
            ? TypedResults.NoContent()
            : Problems.NotFound($"You have no key {id} in use.");
    }
}
