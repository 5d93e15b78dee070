using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>
/// A small OpenID Connect provider: discovery, keys, authorization code with PKCE. Whoever comes is <see cref="Person"/>; it
/// checks what a real one checks, so that a site that asks wrongly is told so.
/// </summary>
internal sealed class LabProvider : IAsyncDisposable
{
    internal const string ClientId = "smtweb-test";
    internal const string ClientSecret = "a secret of the test";

    private readonly ConcurrentDictionary<string, (string Challenge, string? Nonce, string RedirectUri, Visitor Person)> _codes = new();
    private readonly RsaSecurityKey _key = new(RSA.Create(2048)) { KeyId = "one" };
    private readonly WebApplication _app;

    private LabProvider(WebApplication app) => _app = app;

    /// <summary>Who signs in at the provider.</summary>
    internal Visitor Person { get; set; } = new("sub-1", "somebody");

    /// <summary>Signs with another key than it publishes: what a forger would do.</summary>
    internal bool Forges { get; set; }

    internal Uri Authority => new(_app.Urls.First());

    internal static async Task<LabProvider> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var provider = new LabProvider(app);
        app.MapGet("/.well-known/openid-configuration", provider.Discovery);
        app.MapGet("/keys", provider.Keys);
        app.MapGet("/authorize", provider.Authorize);
        app.MapPost("/token", provider.TokenAsync);
        await app.StartAsync(ct);
        return provider;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _key.Rsa.Dispose();
    }

    private IResult Discovery() =>
        Results.Json(
            new Dictionary<string, object>
            {
                ["issuer"] = Issuer,
                ["authorization_endpoint"] = $"{Issuer}/authorize",
                ["token_endpoint"] = $"{Issuer}/token",
                ["jwks_uri"] = $"{Issuer}/keys",
                ["response_types_supported"] = new[] { "code" },
                ["subject_types_supported"] = new[] { "public" },
                ["id_token_signing_alg_values_supported"] = new[] { "RS256" },
            }
        );

    private string Issuer => Authority.ToString().TrimEnd('/');

    private IResult Keys()
    {
        var parameters = _key.Rsa.ExportParameters(false);
        return Results.Json(
            new
            {
                keys = new[]
                {
                    new
                    {
                        kty = "RSA",
                        use = "sig",
                        alg = "RS256",
                        kid = _key.KeyId,
                        n = Base64UrlEncoder.Encode(parameters.Modulus),
                        e = Base64UrlEncoder.Encode(parameters.Exponent),
                    },
                },
            }
        );
    }

    private IResult Authorize(HttpRequest request)
    {
        string Query(string name) => request.Query[name].ToString();
        if (
            Query("client_id") != ClientId
            || Query("response_type") != "code"
            || Query("code_challenge_method") != "S256"
            || Query("state").Length == 0
            || !Query("scope").Split(' ').Contains("openid")
        )
        {
            return Results.BadRequest("This is no request for a code with PKCE.");
        }

        var code = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        _codes[code] = (Query("code_challenge"), Query("nonce"), Query("redirect_uri"), Person);
        return Results.Redirect($"{Query("redirect_uri")}?code={code}&state={Uri.EscapeDataString(Query("state"))}");
    }

    private async Task<IResult> TokenAsync(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        if (
            form["client_id"] != ClientId
            || form["client_secret"] != ClientSecret
            || !_codes.TryRemove(form["code"].ToString(), out var known)
            || form["redirect_uri"] != known.RedirectUri
            || Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) != known.Challenge
        )
        {
            return Results.Json(new { error = "invalid_grant" }, statusCode: 400);
        }

        using var other = RSA.Create(2048);
        var token = new JsonWebTokenHandler().CreateToken(
            new SecurityTokenDescriptor
            {
                Issuer = Issuer,
                Audience = ClientId,
                Expires = DateTime.UtcNow.AddMinutes(5),
                Claims = new Dictionary<string, object>
                {
                    ["sub"] = known.Person.Sub,
                    ["preferred_username"] = known.Person.Name,
                    ["nonce"] = known.Nonce ?? "",
                },
                SigningCredentials = new SigningCredentials(
                    Forges ? new RsaSecurityKey(other.ExportParameters(true)) { KeyId = _key.KeyId } : _key,
                    SecurityAlgorithms.RsaSha256
                ),
            }
        );
        return Results.Text(
            JsonSerializer.Serialize(
                new
                {
                    access_token = "unused",
                    token_type = "Bearer",
                    expires_in = 300,
                    id_token = token,
                }
            ),
            "application/json"
        );
    }

    /// <summary>Whom the provider knows: an id that never changes, and a name that does.</summary>
    internal sealed record Visitor(string Sub, string Name);
}
