using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using SmtWeb.Runs.Model;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>Who may come in: cookies of people, keys of programs, and what each role may do.</summary>
internal static class AuthSetup
{
    private const string CookieOrKey = "CookieOrKey";
    private static readonly TimeSpan StaleAfter = TimeSpan.FromMinutes(1);

    internal static void AddAuth(this IServiceCollection services)
    {
        services.AddPeople();
        services.AddSingleton<FirstAccount>();
        services.AddSingleton<SignInThrottle>();
        services.AddSingleton<Welcome>();
        AddCookies(services);
        services.AddDataProtection().SetApplicationName("SmtWeb"); // its key ring is in the database: AddSmtWebRuns
        services.AddAuthentication(CookieOrKey)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null)
            .AddPolicyScheme(CookieOrKey, null, o => o.ForwardDefaultSelector = http =>
                ApiKeyHandler.IsTried(http.Request) ? ApiKeyHandler.SchemeName : IdentityConstants.ApplicationScheme);
        services.Configure<AuthenticationOptions>(o =>
        {
            // AddIdentity makes cookies the default of everything; a key must count as well
            o.DefaultScheme = o.DefaultAuthenticateScheme = o.DefaultChallengeScheme = o.DefaultForbidScheme = CookieOrKey;
        });
        services.AddAuthorizationBuilder()
            .AddPolicy(Policies.Read, p => p.RequireRole(LabRoles.All))
            .AddPolicy(Policies.Operate, p => p.RequireRole(LabRoles.Admin, LabRoles.Member))
            .AddPolicy(Policies.Administer, p => p.RequireRole(LabRoles.Admin))
            .AddPolicy(Policies.Person, p => p.RequireRole(LabRoles.All)
                .RequireAssertion(c => c.User.Identities.Any(i => i.AuthenticationType == IdentityConstants.ApplicationScheme)))
            .SetDefaultPolicy(new AuthorizationPolicyBuilder().RequireRole(LabRoles.All).Build())
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireRole(LabRoles.All).Build());
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, LiveAuthenticationState>().AddScoped<LiveRights>();
    }

    // Looking may go on for a minute after an account lost a right; changing may not.
    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        await SecurityStampValidator.ValidatePrincipalAsync(context);
        Welcome.Mark(context.Principal, context.Properties.ExpiresUtc);
        var http = context.HttpContext;
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method) && context.Principal is { } person
            && !await http.RequestServices.GetRequiredService<Welcome>().LastsAsync(person, http.RequestAborted))
        {
            context.RejectPrincipal();
        }
    }

    private static void AddCookies(IServiceCollection services)
    {
        services.AddIdentity<LabUser, IdentityRole>(o =>
        {
            // length is what makes a password hard to guess (NIST SP 800-63B); kinds of characters are not asked for
            o.Password.RequiredLength = 8;
            o.Password.RequireDigit = o.Password.RequireLowercase = o.Password.RequireUppercase = o.Password.RequireNonAlphanumeric = false;
            o.Lockout.MaxFailedAccessAttempts = 10;
            o.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
        }).AddEntityFrameworkStores<SmtWebDbContext>();
        services.Configure<SecurityStampValidatorOptions>(o => o.ValidationInterval = StaleAfter);
        services.ConfigureApplicationCookie(o =>
        {
            o.Cookie.Name = "smtweb";
            o.Cookie.HttpOnly = true;
            o.Cookie.SameSite = SameSiteMode.Lax;
            o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            o.ExpireTimeSpan = TimeSpan.FromDays(14);
            o.SlidingExpiration = true;
            o.LoginPath = SignInEndpoints.Path;
            o.AccessDeniedPath = SignInEndpoints.RefusedPath;
            o.ReturnUrlParameter = "returnUrl";
            o.Events.OnRedirectToLogin = Refusals.OnRedirectToLogin;
            o.Events.OnRedirectToAccessDenied = Refusals.OnRedirectToAccessDenied;
            o.Events.OnValidatePrincipal = ValidateAsync;
        });
        services.AddAntiforgery(o =>
        {
            o.Cookie.Name = "smtweb-form";
            o.Cookie.SameSite = SameSiteMode.Strict;
            o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        });
    }
}
