using SmtWeb.Runs.Entities;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Auth;

/// <summary>A lab's own sign-in by OpenID Connect (<c>SmtWeb:OpenId</c>); there is none without an authority.</summary>
public sealed record LabSignInOptions
{
    /// <summary>Address of the provider, below which <c>/.well-known/openid-configuration</c> lies.</summary>
    public required Uri Authority { get; init; }

    /// <summary>What the provider calls this site.</summary>
    public required string ClientId { get; init; }

    /// <summary>The site's secret with the provider.</summary>
    public required string ClientSecret { get; init; }

    /// <summary>What people call it: "Sign in with …".</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Role of the account that is made for somebody who comes in this way first; null: none is made, and an administrator makes it.
    /// </summary>
    public string? CreateAs { get; init; }

    /// <summary>Reads the section; null where it names no authority.</summary>
    /// <exception cref="CommandLineException">A setting is missing or cannot be used; names it.</exception>
    internal static LabSignInOptions? Read(IConfiguration configuration)
    {
        var section = configuration.GetSection("SmtWeb:OpenId");
        if (section["Authority"] is not { Length: > 0 } authority)
        {
            return null;
        }

        if (
            !Uri.TryCreate(authority, UriKind.Absolute, out var uri)
            || (uri.Scheme != Uri.UriSchemeHttps && !(uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))
        )
        {
            throw new CommandLineException($"Setting SmtWeb:OpenId:Authority: '{authority}' is no https address.");
        }

        var createAs = section["CreateAs"];
        if (!string.IsNullOrEmpty(createAs) && createAs is not (LabRoles.Member or LabRoles.Reviewer))
        {
            throw new CommandLineException(
                $"Setting SmtWeb:OpenId:CreateAs: '{createAs}' is neither {LabRoles.Member} nor {LabRoles.Reviewer}, nor empty."
            );
        }

        return new LabSignInOptions
        {
            Authority = uri,
            ClientId = Needed("ClientId"),
            ClientSecret = Needed("ClientSecret"),
            Name = section["Name"] is { Length: > 0 } name ? name : "the lab's account",
            CreateAs = string.IsNullOrEmpty(createAs) ? null : createAs,
        };

        string Needed(string name) =>
            section[name] is { Length: > 0 } value
                ? value
                : throw new CommandLineException($"Setting SmtWeb:OpenId:{name} is missing; the sign-in at {authority} needs it.");
    }
}
