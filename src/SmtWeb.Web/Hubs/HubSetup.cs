using System.Text.Json;
using SmtWeb.Web.Api;

namespace SmtWeb.Web.Hubs;

/// <summary>The hub of live runs.</summary>
internal static class HubSetup
{
    private const string Path = "/hubs/runs";

    // What a client that reads slowly may have waiting before it holds up the others of its run, which RunBroadcast ends.
    private const int MaxWaitingBytes = 1 << 20;
    private const int MaxIncomingBytes = 4 << 10;

    internal static void AddHubs(this IServiceCollection services)
    {
        services.AddSingleton<RunBroadcast>();
        services.AddSingleton<HubGuests>();
        services.AddHostedService(provider => provider.GetRequiredService<HubGuests>());
        services
            .AddSignalR(o => o.MaximumReceiveMessageSize = MaxIncomingBytes)
            .AddJsonProtocol(o =>
            {
                o.PayloadSerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
                ApiSetup.Configure(o.PayloadSerializerOptions);
            });
    }

    internal static void MapHubs(this IEndpointRouteBuilder app) =>
        app.MapHub<RunsHub>(
            Path,
            o =>
            {
                o.TransportMaxBufferSize = MaxWaitingBytes;
                o.CloseOnAuthenticationExpiration = true;
            }
        );
}
