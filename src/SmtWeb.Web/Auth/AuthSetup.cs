using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Auth;

/// <summary>Who may come in: cookies of people, keys of programs, and what each role may do.</summary>
internal static class AuthSetup
{
    private const string CookieOrKey = "CookieOrKey";

    internal static void AddAuth(this IServiceCollection services, LabSignInOptions? lab)
    {
        services.AddPeople();
        services.AddSingleton<FirstAccount>();
        services.AddSingleton<SignInThrottle>();
        services.AddSingleton<Welcome>();
        AddCookies(services);
        services.AddDataProtection().SetApplicationName("SmtWeb"); // its key ring is in the database: AddSmtWebRuns
        var schemes = services
            .AddAuthentication(CookieOrKey)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null)
            .AddPolicyScheme(
                CookieOrKey,
                null,
                o =>
                    o.ForwardDefaultSelector = http =>
                        ApiKeyHandler.IsTried(http.Request) ? ApiKeyHandler.SchemeName : IdentityConstants.ApplicationScheme
            );
        schemes.AddLabSignIn(services, lab);
        services.Configure<AuthenticationOptions>(o =>
        {
            // AddIdentity makes cookies the default of everything; a key must count as well
            o.DefaultScheme = o.DefaultAuthenticateScheme = o.DefaultChallengeScheme = o.DefaultForbidScheme = CookieOrKey;
        });
        services
            .AddAuthorizationBuilder()
            .AddPolicy(Policies.Read, p => p.RequireRole(LabRoles.All).RequireScope(KeyScopes.Read))
            .AddPolicy(Policies.Generate, p => p.RequireRole(LabRoles.All).RequireScope(KeyScopes.Generate))
            .AddPolicy(Policies.Operate, p => p.RequireRole(LabRoles.Admin, LabRoles.Member).RequireScope(KeyScopes.Run))
            .AddPolicy(Policies.Administer, p => p.RequireRole(LabRoles.Admin).RequireScope(KeyScopes.Administer))
            .AddPolicy(Policies.Appoint, p => p.RequireRole(LabRoles.Admin).RequireAssertion(c => IsPerson(c.User)))
            .AddPolicy(Policies.Person, p => p.RequireRole(LabRoles.All).RequireAssertion(c => IsPerson(c.User)))
            .SetDefaultPolicy(new AuthorizationPolicyBuilder().RequireRole(LabRoles.All).RequireScope(KeyScopes.Read).Build())
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireRole(LabRoles.All).RequireScope(KeyScopes.Read).Build());
        services.AddSingleton(provider => new RunOwnership(
            provider.GetRequiredService<IRunStore>(),
            provider.GetRequiredService<ServeOptions>()
        ));
        services.AddSingleton<PasswordCheck>();
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, LiveAuthenticationState>().AddScoped<LiveRights>();
    }

    private static bool IsPerson(ClaimsPrincipal user) =>
        user.Identities.Any(i => i.AuthenticationType == IdentityConstants.ApplicationScheme);

    /// <summary>People may do what their role allows; a key must have the scope besides.</summary>
    private static AuthorizationPolicyBuilder RequireScope(this AuthorizationPolicyBuilder policy, string scope) =>
        policy.RequireAssertion(c => c.User.HasScope(scope));

    private static void AddCookies(IServiceCollection services)
    {
        services
            .AddIdentity<LabUser, IdentityRole>(o =>
            {
                // length is what makes a password hard to guess (NIST SP 800-63B); kinds of characters are not asked for
                o.Password.RequiredLength = 8;
                o.Password.RequireDigit =
                    o.Password.RequireLowercase =
                    o.Password.RequireUppercase =
                    o.Password.RequireNonAlphanumeric =
                        false;
                o.Lockout.MaxFailedAccessAttempts = 10;
                o.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
            })
            .AddEntityFrameworkStores<SmtWebDbContext>();
        services.ConfigureApplicationCookie(o =>
        {
            o.Cookie.Name = "smtweb";
            o.Cookie.HttpOnly = true;
            o.Cookie.SameSite = SameSiteMode.Lax;
            o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            o.ExpireTimeSpan = SessionService.Lifetime;
            o.SlidingExpiration = true;
            o.LoginPath = SignInEndpoints.Path;
            o.AccessDeniedPath = SignInEndpoints.RefusedPath;
            o.ReturnUrlParameter = "returnUrl";
            o.Events.OnRedirectToLogin = Refusals.OnRedirectToLogin;
            o.Events.OnRedirectToAccessDenied = Refusals.OnRedirectToAccessDenied;
            o.Events.OnValidatePrincipal = SessionCookies.ValidateAsync;
        });
        services.AddAntiforgery(o =>
        {
            o.Cookie.Name = "smtweb-form";
            o.Cookie.SameSite = SameSiteMode.Strict;
            o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        });
    }
}
