using System.Globalization;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.HttpResults;
using SmtWeb.Web.Auth.Pages;

namespace SmtWeb.Web.Auth;

/// <summary>Pages that say why something did not work, where people would see an empty window else.</summary>
internal static class Notices
{
    /// <summary>Faults of pages: most often the database is away for a moment. Programs have <c>UseApiErrors</c>.</summary>
    internal static void UseFaultPage(this IApplicationBuilder app) =>
        app.UseWhen(
            http => !Refusals.IsForPrograms(http.Request),
            pages =>
                pages.UseExceptionHandler(
                    new ExceptionHandlerOptions
                    {
                        ExceptionHandler = http =>
                            Page(
                                    StatusCodes.Status500InternalServerError,
                                    "This did not work",
                                    "Something went wrong on the server; its log says more. Runs go on training meanwhile.",
                                    HttpMethods.IsGet(http.Request.Method) ? http.Request.Path + http.Request.QueryString.Value : "/",
                                    "Try again"
                                )
                                .ExecuteAsync(http),
                    }
                )
        );

    /// <summary>A form whose token does not count: its page was opened long ago, in another session, or by another site.</summary>
    internal static void UseStaleFormPage(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
                http.Features.Get<IAntiforgeryValidationFeature>() is { IsValid: false } && !Refusals.IsForPrograms(http.Request)
                    ? Page(
                            StatusCodes.Status400BadRequest,
                            "This form is out of date",
                            "Its page was opened too long ago, or the browser keeps no cookies. Nothing was changed. Open the page "
                                + "again and send the form once more.",
                            http.Request.Path == SignInEndpoints.Path ? SignInEndpoints.Path : "/",
                            "Open the page again"
                        )
                        .ExecuteAsync(http)
                    : next(http)
        );

    /// <summary>Too many attempts from one address.</summary>
    internal static IResult TooMany(HttpContext http, TimeSpan wait)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Page(
            StatusCodes.Status429TooManyRequests,
            "Too many attempts",
            $"Try again in {seconds} seconds. The link still works.",
            "/",
            "Back"
        );
    }

    private static RazorComponentResult<NoticePage> Page(int status, string title, string text, string link, string linkText) =>
        new(
            new
            {
                Title = title,
                Text = text,
                Link = link,
                LinkText = linkText,
            }
        )
        {
            StatusCode = status,
        };
}
