using System.Globalization;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>Endpoints that change the run of their path: only for those who may (<see cref="RunOwnership"/>).</summary>
internal static class OwnerFilter
{
    internal static RouteHandlerBuilder OfOwner(this RouteHandlerBuilder endpoint) =>
        endpoint.AddEndpointFilter(
            static async (context, next) =>
            {
                var http = context.HttpContext;
                var id = long.Parse((string)http.GetRouteValue("id")!, CultureInfo.InvariantCulture);
                return
                    await http.RequestServices.GetRequiredService<RunOwnership>().RefusalAsync(id, http.User, http.RequestAborted)
                        is { } refusal
                    ? TypedResults.Problem(refusal, statusCode: StatusCodes.Status403Forbidden)
                    : await next(context);
            }
        );
}
