using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>Lets a request in by <c>Authorization: Bearer smt_…</c> or <c>X-Api-Key: smt_…</c>.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    ApiKeyService keys
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    internal const string SchemeName = "ApiKey";

    /// <summary>Claim with the id of the key, which is no secret.</summary>
    internal const string KeyClaim = "smtweb:key";

    /// <summary>Claim with a scope of the key, one for each.</summary>
    internal const string ScopeClaim = "smtweb:scope";

    private const string HeaderName = "X-Api-Key";
    private const string Refused = "The API key is unknown, revoked or over.";
    private const string BearerPrefix = "Bearer ";

    /// <summary>True where a request brings a key, right or wrong: then no cookie counts.</summary>
    internal static bool IsTried(HttpRequest request) => KeyOf(request) is not null;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (KeyOf(Request) is not { } key)
        {
            return AuthenticateResult.NoResult();
        }

        if (
            !key.StartsWith(ApiKeyService.Prefix, StringComparison.Ordinal)
            || await keys.FindOwnerAsync(key, Context.RequestAborted) is not { } owner
        )
        {
            return AuthenticateResult.Fail(Refused);
        }

        var identity = new ClaimsIdentity(
            [
                new(ClaimTypes.NameIdentifier, owner.UserId),
                new(ClaimTypes.Name, owner.UserName),
                new(KeyClaim, $"{owner.KeyId}"),
                .. owner.Roles.Select(role => new Claim(ClaimTypes.Role, role)),
                .. owner.Scopes.Select(scope => new Claim(ScopeClaim, scope)),
            ],
            SchemeName
        );
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "Bearer";
        return TypedResults.Problem(Refused, statusCode: StatusCodes.Status401Unauthorized).ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Refusals.ForbiddenAsync(Context);

    private static string? KeyOf(HttpRequest request)
    {
        if (request.Headers.TryGetValue(HeaderName, out var key))
        {
            return key.ToString();
        }

        var authorization = request.Headers.Authorization.ToString();
        return authorization.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase)
            ? authorization[BearerPrefix.Length..].Trim()
            : null;
    }
}
