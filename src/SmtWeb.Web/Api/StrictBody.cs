using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Api;

/// <summary>
/// A JSON request body, read strictly: every unknown, missing, repeated, mistyped and out-of-range member is found in
/// one pass and named by its JSON path, where the framework's binder would stop at the first. Handlers add what they
/// find themselves before they answer, so that a caller gets the whole list at once.
/// </summary>
internal sealed class StrictBody<T>
    where T : class
{
    private StrictBody(T? value, List<SpecError> errors) => (Value, Errors) = (value, errors);

    /// <summary>The body; members with errors have their default. Null where it is no object at all.</summary>
    internal T? Value { get; }

    /// <summary>Everything wrong so far.</summary>
    internal List<SpecError> Errors { get; }

    /// <summary>The body if nothing is wrong with it, else the answer to give.</summary>
    internal bool IsUsable([NotNullWhen(true)] out T? value, [NotNullWhen(false)] out IResult? answer)
    {
        value = Errors.Count == 0 ? Value : null;
        answer = value is null ? Problems.Invalid(Errors) : null;
        return value is not null;
    }

    /// <summary>Reads the body of <paramref name="request"/>.</summary>
    /// <exception cref="BadHttpRequestException">It is too long (413) or not declared as JSON (415).</exception>
    internal static async Task<StrictBody<T>> ReadAsync(HttpRequest request, CancellationToken ct)
    {
        if (!request.HasJsonContentType())
        {
            throw new BadHttpRequestException(
                $"The body must be JSON (Content-Type: application/json), not '{request.ContentType}'.",
                StatusCodes.Status415UnsupportedMediaType
            );
        }

        try
        {
            using var document = await HttpSetup.ReadBodyAsync(() => JsonDocument.ParseAsync(request.Body, cancellationToken: ct));
            var errors = new List<SpecError>();
            WellFormed.Check(document.RootElement, "$", errors);
            return errors.Count > 0 ? new StrictBody<T>(null, errors) : Parse(document.RootElement);
        }
        catch (JsonException e)
        {
            var message =
                $"This is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}): {e.Message.Split(" LineNumber:")[0]}";
            return new StrictBody<T>(null, [new SpecError("$", message)]);
        }
    }

    /// <summary>Reads <paramref name="json"/>.</summary>
    internal static StrictBody<T> Parse(JsonElement json)
    {
        var reader = new StrictReader();
        return new StrictBody<T>((T?)reader.Read(json, typeof(T), "$", null), reader.Errors);
    }
}
