using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SmtWeb.Runs.People;

/// <summary>Registers accounts, sessions, API keys, one-time links and the audit log.</summary>
public static class PeopleServiceCollectionExtensions
{
    /// <summary>Adds them; ASP.NET Core Identity over <see cref="Entities.SmtWebDbContext"/> is the caller's to add.</summary>
    public static IServiceCollection AddPeople(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<AccountService>();
        services.AddSingleton<ApiKeyService>();
        services.AddHousekeeping();
        services.AddSingleton<Departures>();
        services.AddHostedService(provider => provider.GetRequiredService<Departures>());
        return services;
    }

    /// <summary>Adds what removes what has outlived its time, for nodes that know no people.</summary>
    public static IServiceCollection AddHousekeeping(this IServiceCollection services)
    {
        services.TryAddSingleton<OneTimeLinks>();
        services.TryAddSingleton<SessionService>();
        services.TryAddSingleton<AuditLog>();
        services.TryAddSingleton<AnswerStore>();
        services.TryAddSingleton<Housekeeping>();
        return services;
    }
}
