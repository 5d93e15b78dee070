using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Api;

/// <summary>Starting points for runs.</summary>
internal static class PresetsApi
{
    internal static void MapPresets(this RouteGroupBuilder api) =>
        api.MapGet("/presets", () => TypedResults.Ok(Presets.All))
            .WithTags("Presets")
            .WithName("ListPresets")
            .WithSummary("Presets with their whole specs.");
}
