using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using NSwag;

namespace SmtWeb.Web.Tests.Api;

/// <summary>
/// Holds every answer against the OpenAPI document: its status and type must be told there, and its body must fit the
/// schema, without a member that the document does not know.
/// </summary>
public sealed class ContractHandler(Func<WebApplication> app) : DelegatingHandler
{
    // What HTTP itself answers, at any operation.
    private static readonly HttpStatusCode[] Everywhere =
    [
        HttpStatusCode.MethodNotAllowed,
        HttpStatusCode.RequestEntityTooLarge,
        HttpStatusCode.UnsupportedMediaType,
        HttpStatusCode.NotAcceptable,
        HttpStatusCode.UnprocessableEntity,
        HttpStatusCode.Conflict,
        HttpStatusCode.NotModified,
        HttpStatusCode.PartialContent,
        HttpStatusCode.RequestedRangeNotSatisfiable,
    ];

    private static readonly SemaphoreSlim Loading = new(1);
    private static OpenApiDocument? _document;

    /// <summary>Answers that were checked, so that a test can tell that any were.</summary>
    public static int Checked => _checked;

    private static int _checked;

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken);
        var path = request.RequestUri!.AbsolutePath;
        if (
            (path.StartsWith("/api/v1/", StringComparison.Ordinal) || path == "/health")
            && await DocumentAsync() is { } document
            && Find(document, path, request.Method == HttpMethod.Head ? "get" : request.Method.Method.ToLowerInvariant())
                is var (template, operation)
        )
        {
            await CheckAsync($"{request.Method} {template}", operation, answer);
        }

        return answer;
    }

    /// <summary>The document of the running site as a reader of contracts has it; members that it does not know are forbidden.</summary>
    internal static async Task<OpenApiDocument> StrictAsync(string json)
    {
        var document = await OpenApiDocument.FromJsonAsync(Closed(json));
        foreach (var (name, schema) in document.Components.Schemas)
        {
            // problem+json may be extended (RFC 9457)
            if (
                schema.Properties.Count > 0
                && schema.AnyOf.Count + schema.OneOf.Count + schema.AllOf.Count == 0
                && !name.Contains("ProblemDetails", StringComparison.Ordinal)
            )
            {
                schema.AllowAdditionalProperties = false;
            }
        }

        return document;
    }

    /// <summary>
    /// Families of records as a choice among their kinds, each with all its members: what a validator can hold an answer against.
    /// </summary>
    private static string Closed(string json)
    {
        var root = JsonNode.Parse(json)!;
        var schemas = root["components"]!["schemas"]!.AsObject();
        foreach (var (name, schema) in schemas.ToList())
        {
            if (schema!["discriminator"] is not { } discriminator)
            {
                continue;
            }

            var choice = new JsonArray();
            foreach (var (kind, reference) in discriminator["mapping"]!.AsObject())
            {
                var id = ((string)reference!).Split('/')[^1];
                var own = (JsonObject)schemas[id]!["allOf"]![1]!.DeepClone();
                var members = own["properties"] as JsonObject ?? [];
                own["properties"] = members;
                members[(string)discriminator["propertyName"]!] = new JsonObject { ["type"] = "string", ["enum"] = new JsonArray(kind) };
                schemas[id] = own;
                choice.Add(new JsonObject { ["$ref"] = (string)reference! });
            }

            schemas[name] = new JsonObject { ["oneOf"] = choice };
        }

        return root.ToJsonString();
    }

    private static async Task CheckAsync(string what, OpenApiOperation operation, HttpResponseMessage answer)
    {
        Interlocked.Increment(ref _checked);
        var status = ((int)answer.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (!operation.ActualResponses.TryGetValue(status, out var told))
        {
            Assert.True(Everywhere.Contains(answer.StatusCode), $"{what} answered {status}, which the document does not tell.");
            return;
        }

        if (answer.Content.Headers.ContentType?.MediaType is not { } type || answer.RequestMessage!.Method == HttpMethod.Head)
        {
            return;
        }

        Assert.True(
            told.Content.TryGetValue(type, out var content),
            $"{what} answered {status} as {type}; the document tells {string.Join(", ", told.Content.Keys)}."
        );
        if (type.EndsWith("json", StringComparison.Ordinal) && content!.Schema is { } schema)
        {
            await answer.Content.LoadIntoBufferAsync();
            var body = await answer.Content.ReadAsStringAsync();
            var errors = schema.Validate(body, NJsonSchema.SchemaType.OpenApi3);
            Assert.True(
                errors.Count == 0,
                $"{what} answered {status} with a body that the document does not "
                    + $"allow:\n{string.Join('\n', errors.Take(5))}\n{body[..Math.Min(body.Length, 2000)]}"
            );
        }
    }

    private static (string Template, OpenApiOperation Operation)? Find(OpenApiDocument document, string path, string method)
    {
        var parts = path.Trim('/').Split('/');
        foreach (var (template, item) in document.Paths.OrderBy(p => p.Key.Count(c => c == '{')))
        {
            var pattern = template.Trim('/').Split('/');
            if (
                pattern.Length == parts.Length
                && pattern.Zip(parts).All(p => Fits(p.First, p.Second))
                && item.TryGetValue(method, out var operation)
            )
            {
                return (template, operation);
            }
        }

        return null;
    }

    private static bool Fits(string pattern, string part) =>
        pattern.StartsWith('{')
            ? part.Length > 0
                && (
                    !pattern.Contains('.')
                    || part.EndsWith(pattern[pattern.IndexOf('.', StringComparison.Ordinal)..], StringComparison.Ordinal)
                )
            : pattern == part;

    private async Task<OpenApiDocument?> DocumentAsync()
    {
        if (_document is not null)
        {
            return _document;
        }

        await Loading.WaitAsync();
        try
        {
            return _document ??= await StrictAsync(await OpenApiTests.DocumentAsync(app()));
        }
        finally
        {
            Loading.Release();
        }
    }
}
