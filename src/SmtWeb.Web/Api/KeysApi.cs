using System.ComponentModel.DataAnnotations;
using SmtWeb.Runs.Model;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>A new API key.</summary>
internal sealed record CreateKeyRequest
{
    /// <summary>What it is for.</summary>
    [StringLength(100, MinimumLength = 1)]
    public required string Name { get; init; }
}

/// <summary>API keys: everyone their own, administrators everybody's.</summary>
internal static class KeysApi
{
    internal static void MapKeys(this RouteGroupBuilder api)
    {
        var keys = api.MapGroup("/keys").WithTags("API keys");
        keys.MapGet("/", ListAsync).WithName("ListKeys").WithSummary("Your keys; with all=true everybody's (administrators).").Produces<IReadOnlyList<ApiKeyInfo>>();
        keys.MapPost("/", CreateAsync).WithName("CreateKey").RequireAuthorization(Policies.Person)
            .WithSummary("Makes a key with your role. Its secret is in this answer and nowhere else. A key cannot make keys.")
            .Accepts<CreateKeyRequest>("application/json").Produces<NewApiKey>(201).ProducesValidationProblem();
        keys.MapDelete("/{id:long}", RevokeAsync).WithName("RevokeKey").WithSummary("Revokes a key at once.").Produces(204).ProducesProblem(404);
    }

    private static async Task<IResult> ListAsync(ApiKeyService keys, HttpContext http, CancellationToken ct, bool all = false) =>
        all && !http.User.IsInRole(LabRoles.Admin)
            ? TypedResults.Problem("Only administrators see the keys of others.", statusCode: StatusCodes.Status403Forbidden)
            : TypedResults.Ok(await keys.ListAsync(all ? null : http.User.UserId(), ct));

    private static async Task<IResult> CreateAsync(HttpRequest request, ApiKeyService keys, CancellationToken ct)
    {
        var body = await StrictBody<CreateKeyRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        var key = await keys.CreateAsync(request.HttpContext.User.UserId(), wanted.Name, ct);
        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Created($"/api/v1/keys/{key.Key.Id}", key);
    }

    private static async Task<IResult> RevokeAsync(long id, ApiKeyService keys, HttpContext http, CancellationToken ct) =>
        await keys.RevokeAsync(id, http.User.IsInRole(LabRoles.Admin) ? null : http.User.UserId(), ct)
            ? TypedResults.NoContent()
            : Problems.NotFound($"You have no key {id} in use.");
}
