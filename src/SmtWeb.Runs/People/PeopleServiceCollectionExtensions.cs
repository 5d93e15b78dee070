using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SmtWeb.Runs.People;

/// <summary>Registers accounts, API keys and one-time links.</summary>
public static class PeopleServiceCollectionExtensions
{
    /// <summary>Adds them; ASP.NET Core Identity over <see cref="Model.SmtWebDbContext"/> is the caller's to add.</summary>
    public static IServiceCollection AddPeople(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<AccountService>();
        services.AddSingleton<ApiKeyService>();
        services.TryAddSingleton<OneTimeLinks>();
        return services;
    }
}
