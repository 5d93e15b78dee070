using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using SmtWeb.Runs;
using SmtWeb.Smt.Session;

namespace SmtWeb.Web.Api;

/// <summary>
/// The OpenAPI document: what the framework derives from the records, put right where it cannot know. It is OpenAPI 3.0,
/// which every generator of clients reads.
/// </summary>
internal static class ApiDocument
{
    private static readonly JsonNode[] NotFinite = [JsonValue.Create("NaN"), JsonValue.Create("Infinity"), JsonValue.Create("-Infinity")];

    // Records whose numbers were measured: an exploding run has losses and distances that are no numbers of JSON.
    private static readonly Type[] Measured = [typeof(StoredMetric), typeof(RunSummary), typeof(RunCheckpoint), typeof(EvaluationRecord)];

    internal static void AddApiDocument(this IServiceCollection services) =>
        services.AddOpenApi(
            "v1",
            o =>
            {
                o.OpenApiVersion = OpenApiSpecVersion.OpenApi3_0;
                o.CreateSchemaReferenceId = type =>
                    type.Type == typeof(ClassLabel) ? null : OpenApiOptions.CreateDefaultSchemaReferenceId(type); // a value, no record
                o.AddSchemaTransformer(NumbersAsync);
                o.AddSchemaTransformer(EnumsAsync);
                o.AddSchemaTransformer(LeftOutAsync);
                o.AddOperationTransformer(OperationsAsync);
                o.AddDocumentTransformer(DocumentAsync);
            }
        );

    private static Task NumbersAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = context.JsonTypeInfo.Type;
        var (bare, nullable) = (Nullable.GetUnderlyingType(type) ?? type, Nullable.GetUnderlyingType(type) is not null);
        if (bare == typeof(double) || bare == typeof(float))
        {
            var number = new OpenApiSchema { Type = JsonSchemaType.Number, Format = bare == typeof(double) ? "double" : "float" };
            schema.AnyOf = null;
            if (MayBeNotFinite(context.JsonPropertyInfo))
            {
                (schema.Type, schema.Format) = (nullable ? JsonSchemaType.Null : null, null);
                schema.OneOf = [number, new OpenApiSchema { Type = JsonSchemaType.String, Enum = [.. NotFinite] }];
            }
            else
            {
                (schema.Type, schema.Format) = (number.Type | (nullable ? JsonSchemaType.Null : 0), number.Format);
            }
        }
        else if (IsDrawRequest(context.JsonPropertyInfo) && bare == typeof(ulong))
        {
            ToSeed(schema, nullable);
        }
        else if (IsDrawRequest(context.JsonPropertyInfo) && type == typeof(IReadOnlyList<ulong>) && schema.Items is OpenApiSchema items)
        {
            ToSeed(items, nullable: false);
        }
        else if (
            context.JsonPropertyInfo?.DeclaringType is { } owner
            && (owner == typeof(DrawRequest) || owner == typeof(DrawBatchRequest))
            && type == typeof(ClassLabel)
        )
        {
            ToClass(schema, nullable: true);
        }
        else if (
            context.JsonPropertyInfo?.DeclaringType == typeof(DrawRequest)
            && type == typeof(IReadOnlyList<ClassLabel>)
            && schema.Items is OpenApiSchema labels
        )
        {
            ToClass(labels, nullable: false);
        }

        return Task.CompletedTask;
    }

    private static bool IsDrawRequest(JsonPropertyInfo? member) =>
        member?.DeclaringType is { } type && (type == typeof(DrawRequest) || type == typeof(DrawBatchRequest));

    private static bool MayBeNotFinite(JsonPropertyInfo? member) =>
        member is not null && Measured.Contains(member.DeclaringType) && member.Name is not ("seconds" or "imagesPerSecond" or "progress");

    /// <summary>Seeds fill unsigned 64 bits, more than a number of JavaScript holds.</summary>
    private static void ToSeed(OpenApiSchema schema, bool nullable)
    {
        (schema.Type, schema.Format, schema.Pattern) = (nullable ? JsonSchemaType.Null : null, null, null);
        schema.OneOf =
        [
            new OpenApiSchema
            {
                Type = JsonSchemaType.Integer,
                Format = "uint64",
                Minimum = "0",
            },
            new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^[0-9]{1,20}$" },
        ];
    }

    /// <summary>A class has a number and a name; either will do.</summary>
    private static void ToClass(OpenApiSchema schema, bool nullable)
    {
        (schema.Type, schema.Format, schema.Properties, schema.Required, schema.AnyOf) = (
            nullable ? JsonSchemaType.Null : null,
            null,
            null,
            null,
            null
        );
        schema.OneOf =
        [
            new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32" },
            new OpenApiSchema { Type = JsonSchemaType.String },
        ];
    }

    private static Task EnumsAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = context.JsonTypeInfo.Type;
        if ((Nullable.GetUnderlyingType(type) ?? type).IsEnum)
        {
            schema.Type = JsonSchemaType.String;
            schema.Enum = [.. (schema.Enum ?? []).Where(value => value is JsonValue v && v.TryGetValue<string>(out _))];
        }

        return Task.CompletedTask;
    }

    /// <summary>Members that an answer leaves out where there is nothing to say are not required.</summary>
    private static Task LeftOutAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        foreach (var member in context.JsonTypeInfo.Properties)
        {
            if (
                member.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), true)
                is [JsonIgnoreAttribute { Condition: JsonIgnoreCondition.WhenWritingNull or JsonIgnoreCondition.WhenWritingDefault }]
            )
            {
                schema.Required?.Remove(member.Name);
            }
        }

        return Task.CompletedTask;
    }

    private static Task OperationsAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (context.Description.HttpMethod == HttpMethods.Post && !metadata.OfType<RepeatableRequest>().Any())
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(
                new OpenApiParameter
                {
                    Name = IdempotencyFilter.HeaderName,
                    In = ParameterLocation.Header,
                    Description =
                        "A word of your own for this request: sent again within a day, it is answered as the first time and not done "
                        + "twice.",
                    Schema = new OpenApiSchema
                    {
                        Type = JsonSchemaType.String,
                        MaxLength = 200,
                        MinLength = 1,
                    },
                }
            );
        }

        if (
            ApiExamples.Requests.TryGetValue(operation.OperationId ?? "", out var request)
            && operation.RequestBody?.Content?.TryGetValue("application/json", out var body) == true
        )
        {
            body.Example = JsonNode.Parse(request);
        }

        foreach (var (status, answer) in operation.Responses ?? [])
        {
            foreach (var (type, media) in answer.Content ?? new Dictionary<string, OpenApiMediaType>())
            {
                // the framework describes a PNG by the record that the JSON answer has
                if (!type.Contains("json", StringComparison.Ordinal))
                {
                    media.Schema = new OpenApiSchema
                    {
                        Type = JsonSchemaType.String,
                        Format = type.StartsWith("text/", StringComparison.Ordinal) ? null : "binary",
                    };
                }
                else if (status.StartsWith('2') && ApiExamples.Answers.TryGetValue(operation.OperationId ?? "", out var example))
                {
                    media.Example = JsonNode.Parse(example);
                }
            }
        }

        return Task.CompletedTask;
    }

    private static Task DocumentAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken ct)
    {
        document.Info = new OpenApiInfo
        {
            Title = "SmtWeb",
            Version = "v1",
            Description =
                "Train, watch and compare one-step image generators, and draw from them. Every error is problem+json (RFC 9457). "
                + "HEAD is answered wherever GET is; bodies may come as gzip, br or deflate; query parameters that are not listed "
                + "are refused.",
        };
        foreach (var schema in document.Components?.Schemas?.ToList() ?? [])
        {
            foreach (var property in (schema.Value as OpenApiSchema)?.Properties?.Values.OfType<OpenApiSchema>() ?? [])
            {
                ToNullable(property);
            }

            if (schema.Value is OpenApiSchema { Discriminator: not null, AnyOf.Count: > 0 } family)
            {
                ToInheritance(document, schema.Key, family);
            }
        }

        document.Servers?.Clear(); // the address of whoever asked is no part of the contract
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            ["apiKey"] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "An API key: smt_…",
            },
        };
        document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("apiKey", document)] = [] }];
        return Task.CompletedTask;
    }

    /// <summary>"Nothing or a record of that kind", as OpenAPI 3.0 says it.</summary>
    private static void ToNullable(OpenApiSchema property)
    {
        if (
            property.OneOf is { Count: 2 } choice
            && choice.Any(c => c is OpenApiSchema { Type: JsonSchemaType.Null })
            && choice.OfType<OpenApiSchemaReference>().SingleOrDefault() is { } present
        )
        {
            (property.Type, property.OneOf, property.AllOf) = (JsonSchemaType.Null, null, [present]);
        }
    }

    /// <summary>
    /// A family of records that a member tells apart (<c>kind</c>), as generators of clients understand it: the base has that
    /// member, and each kind is the base and its own members.
    /// </summary>
    private static void ToInheritance(OpenApiDocument document, string name, OpenApiSchema family)
    {
        var kind = family.Discriminator!.PropertyName!;
        foreach (var id in family.Discriminator.Mapping?.Values.Select(m => m.Reference.Id).OfType<string>().ToList() ?? [])
        {
            if (document.Components?.Schemas is { } schemas && schemas.TryGetValue(id, out var found) && found is OpenApiSchema own)
            {
                own.Properties?.Remove(kind);
                own.Required?.Remove(kind);
                schemas[id] = new OpenApiSchema
                {
                    AllOf = [new OpenApiSchemaReference(name, document), own],
                    Description = own.Description,
                };
                own.Description = null;
            }
        }

        family.AnyOf = null;
        family.Type = JsonSchemaType.Object;
        family.Required = new HashSet<string> { kind };
        family.Properties = new Dictionary<string, IOpenApiSchema>
        {
            [kind] = new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum =
                [
                    .. (family.Discriminator.Mapping ?? new Dictionary<string, OpenApiSchemaReference>()).Keys.Select(k =>
                        (JsonNode)JsonValue.Create(k)
                    ),
                ],
            },
        };
    }
}
