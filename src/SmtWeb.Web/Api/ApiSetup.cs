using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>REST v1: its groups, its JSON, its errors and its OpenAPI document.</summary>
internal static class ApiSetup
{
    /// <summary>Longest request body. The largest honest one, a spec, has a few kilobytes.</summary>
    internal const long MaxBodyBytes = 4 << 20;

    internal static void AddApi(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(o => Configure(o.SerializerOptions));
        services.AddProblemDetails();
        services.AddRequestDecompression();
        services.AddApiDocument();
    }

    /// <summary>
    /// JSON of REST and hub: camelCase, enum names, and NaN or infinite values of curves as strings, which JSON has no numbers for.
    /// </summary>
    internal static void Configure(JsonSerializerOptions options)
    {
        options.NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals;
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
    }

    /// <summary>Errors below /api become problem+json: bodies that are too long, exceptions, unknown paths and methods.</summary>
    internal static void UseApiErrors(this IApplicationBuilder app) =>
        app.UseWhen(
            http => Refusals.IsForPrograms(http.Request),
            branch =>
            {
                branch.UseExceptionHandler(
                    new ExceptionHandlerOptions
                    {
                        ExceptionHandler = http => Describe(http.Features.Get<IExceptionHandlerFeature>()!.Error).ExecuteAsync(http),
                        // the caller's fault, which the caller is told
                        SuppressDiagnosticsCallback = context => context.Exception is BadHttpRequestException,
                    }
                );
                branch.UseStatusCodePages(pages =>
                    TypedResults
                        .Problem(
                            pages.HttpContext.Response.StatusCode switch
                            {
                                StatusCodes.Status404NotFound =>
                                    $"There is nothing at {pages.HttpContext.Request.Path}; see /openapi/v1.json.",
                                StatusCodes.Status405MethodNotAllowed =>
                                    $"{pages.HttpContext.Request.Method} is not possible at {pages.HttpContext.Request.Path}.",
                                _ => null,
                            },
                            statusCode: pages.HttpContext.Response.StatusCode
                        )
                        .ExecuteAsync(pages.HttpContext)
                );
            }
        );

    /// <summary>
    /// Refuses bodies that say themselves that they are too long, before anything reads them. The server then lets the
    /// sender finish for a few seconds, without which many clients see a broken connection in place of the answer.
    /// </summary>
    internal static void UseBodyLimit(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                if (http.Request.ContentLength is not > MaxBodyBytes)
                {
                    return next(http);
                }

                http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
                return TooLong().ExecuteAsync(http);
            }
        );

    internal static void MapApi(this IEndpointRouteBuilder app)
    {
        app.MapOpenApi("/openapi/{documentName}.json").RequireAuthorization(Policies.Read);

        // an endpoint without a policy of its own falls under the fallback, which is Policies.Read
        var api = app.MapGroup("/api/v1").ProducesValidationProblem().ProducesProblem(401).ProducesProblem(403).ProducesProblem(406);
        api.AddEndpointFilterFactory(QueryGuard.Create);
        api.AddEndpointFilter(AcceptGuard.InvokeAsync);
        api.AddEndpointFilter(IdempotencyFilter.InvokeAsync);
        api.MapRuns();
        api.MapPresets();
        api.MapDatasets();
        api.MapModels();
        api.MapGenerations();
        api.MapGenerationBatches();
        api.MapKeys();
        api.MapUsers();
        api.MapAudit();
    }

    private static IResult Describe(Exception error) =>
        error switch
        {
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => TooLong(),
            BadHttpRequestException bad => TypedResults.Problem(bad.Message, statusCode: bad.StatusCode),
            _ => TypedResults.Problem(
                "Something went wrong here; the server's log says more.",
                statusCode: StatusCodes.Status500InternalServerError
            ),
        };

    private static IResult TooLong() =>
        TypedResults.Problem($"The body is longer than {MaxBodyBytes} bytes.", statusCode: StatusCodes.Status413PayloadTooLarge);
}
