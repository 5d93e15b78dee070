using System.ComponentModel.DataAnnotations;
using System.Globalization;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>
/// What a generator can learn to draw. <paramref name="Kind"/> is that of <c>$.data</c> in a spec; <paramref name="Side"/> is null
/// for points in the plane. Registered data sets have an id, and <c>$.data.source</c> is their name or path; built-in ones have none.
/// </summary>
internal sealed record DatasetInfo(
    string Kind,
    string Name,
    int Channels,
    int? Side,
    IReadOnlyList<string> Classes,
    IReadOnlyList<string> Synsets,
    long? Id = null,
    string? Path = null,
    DatasetState State = DatasetState.Ready,
    double Progress = 1,
    string? Problem = null,
    int? Records = null,
    IReadOnlyList<int>? ClassCounts = null,
    long? Bytes = null,
    string? Sha256 = null,
    int CorruptCount = 0,
    IReadOnlyList<string>? Corrupt = null,
    IReadOnlyList<string>? Notes = null
);

/// <summary>A data set to register.</summary>
internal sealed record RegisterDatasetRequest
{
    /// <summary>Name for people and for <c>$.data.source</c>.</summary>
    [VisibleName, StringLength(DatasetStore.LongestName, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>File or folder below the folder of data sets.</summary>
    [StringLength(400, MinimumLength = 1)]
    public required string Path { get; init; }

    /// <summary>cifar10, imagenet64, zip, folder or idx; found out if left out.</summary>
    [StringLength(20)]
    public string? Kind { get; init; }

    /// <summary>Pass over records that cannot be read; otherwise the first one ends the check.</summary>
    public bool? SkipCorrupt { get; init; }

    /// <summary>Side that images of a folder are cropped and resized to.</summary>
    [Range(1, 1024)]
    public int? Side { get; init; }
}

/// <summary>A check to make again.</summary>
internal sealed record CheckDatasetRequest
{
    /// <summary>Pass over records that cannot be read.</summary>
    public bool? SkipCorrupt { get; init; }
}

/// <summary>The answer to a registration.</summary>
internal sealed record RegisteredDataset(long Id, string Url);

/// <summary>Data sets: built-in and registered.</summary>
internal static class DatasetsApi
{
    private static readonly (string Kind, DataSpec Data)[] Known =
    [
        ("swissRoll", new SwissRollSpec()),
        ("fashionMnist", new FashionMnistSpec()),
    ];

    internal static void MapDatasets(this RouteGroupBuilder api)
    {
        var datasets = api.MapGroup("/datasets").WithTags("Datasets");
        datasets
            .MapGet("/", ListAsync)
            .WithName("ListDatasets")
            .WithSummary("Data sets and their classes, built-in ones first; 'kind' is that of $.data in a spec.")
            .Produces<IReadOnlyList<DatasetInfo>>();
        datasets
            .MapGet("/{id:long}", FindAsync)
            .WithName("GetDataset")
            .WithSummary("A registered data set.")
            .Produces<DatasetInfo>()
            .ProducesProblem(404);
        datasets
            .MapGet("/{id:long}/samples.png", SamplesAsync)
            .WithName("GetDatasetSamples")
            .WithSummary("A grid of real samples. Who names a check by 'at' (its time in milliseconds) may keep the picture for good.")
            .Produces<byte[]>(200, "image/png")
            .ProducesProblem(404);
        datasets
            .MapPost("/", RegisterAsync)
            .WithName("RegisterDataset")
            .WithSummary("Registers a file or folder below the folder of data sets and queues its check.")
            .RequireAuthorization(Policies.Operate)
            .Accepts<RegisterDatasetRequest>("application/json")
            .Produces<RegisteredDataset>(StatusCodes.Status201Created);
        datasets
            .MapPost("/{id:long}/check", CheckAsync)
            .WithName("CheckDataset")
            .WithSummary("Queues the check of a registered data set again.")
            .RequireAuthorization(Policies.Operate)
            .Accepts<CheckDatasetRequest>("application/json")
            .Produces<DatasetInfo>(StatusCodes.Status202Accepted)
            .ProducesProblem(404);
        datasets
            .MapDelete("/{id:long}", DeleteAsync)
            .WithName("ForgetDataset")
            .WithSummary("Forgets a registered data set; its files stay.")
            .RequireAuthorization(Policies.Operate)
            .Produces(204)
            .ProducesProblem(404);
        api.MapGet("/imagenet-classes", () => TypedResults.Ok(ImageNetClasses.All))
            .WithTags("Datasets")
            .WithName("ListImageNetClasses")
            .WithSummary("The 1,000 classes of ImageNet: label, WordNet id, name.")
            .Produces<IReadOnlyList<ImageNetClass>>();
    }

    private static async Task<IResult> ListAsync(DatasetStore store, CancellationToken ct) =>
        TypedResults.Ok(Known.Select(BuiltIn).Concat((await store.ListAsync(ct)).Select(Info)).ToList());

    private static async Task<IResult> FindAsync(long id, DatasetStore store, CancellationToken ct) =>
        await store.FindAsync(id, ct) is { } found ? TypedResults.Ok(Info(found)) : None(id);

    private static async Task<IResult> SamplesAsync(
        long id,
        DatasetStore store,
        HttpResponse response,
        CancellationToken ct,
        long? at = null
    )
    {
        if (await store.SamplesPngAsync(id, ct) is not { Length: > 0 } png)
        {
            return Problems.NotFound($"There are no samples of data set {id}; they come with its check.");
        }

        response.Headers.CacheControl = at is null ? "private, max-age=60" : "private, max-age=31536000, immutable";
        return TypedResults.Bytes(png, "image/png");
    }

    private static async Task<IResult> RegisterAsync(HttpRequest request, DatasetStore store, CancellationToken ct)
    {
        var body = await StrictBody<RegisterDatasetRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        try
        {
            var id = await store.RegisterAsync(
                new(
                    wanted.Name,
                    wanted.Path,
                    wanted.Kind ?? "",
                    wanted.SkipCorrupt ?? false,
                    wanted.Side ?? 0,
                    request.HttpContext.User.DisplayName()
                ),
                ct
            );
            return TypedResults.Created($"/api/v1/datasets/{id}", new RegisteredDataset(id, $"/datasets/{id}"));
        }
        catch (SpecException e)
        {
            return Problems.Invalid(e.Errors);
        }
    }

    private static async Task<IResult> CheckAsync(long id, HttpRequest request, DatasetStore store, CancellationToken ct)
    {
        var body = await StrictBody<CheckDatasetRequest>.ReadAsync(request, ct);
        if (!body.IsUsable(out var wanted, out var answer))
        {
            return answer;
        }

        return await store.CheckAgainAsync(id, wanted.SkipCorrupt ?? false, ct) && await store.FindAsync(id, ct) is { } found
            ? TypedResults.Accepted($"/api/v1/datasets/{id}", Info(found))
            : None(id);
    }

    private static async Task<IResult> DeleteAsync(
        long id,
        DatasetStore store,
        RunOwnership ownership,
        AuditLog audit,
        HttpContext http,
        CancellationToken ct
    )
    {
        if (await store.FindAsync(id, ct) is not { } dataset)
        {
            return None(id);
        }

        if (ownership.Refusal($"Data set {dataset.Name}", dataset.CreatedBy, http.User) is { } refusal)
        {
            return TypedResults.Problem(refusal, statusCode: StatusCodes.Status403Forbidden);
        }

        if (!await store.DeleteAsync(id, ct))
        {
            return None(id);
        }

        await audit.WriteAsync(http.Actor(), AuditActions.DatasetForgotten, dataset.Name, dataset.Path, ct);
        return TypedResults.NoContent();
    }

    private static IResult None(long id) => Problems.NotFound($"There is no data set {id}.");

    private static DatasetInfo BuiltIn((string Kind, DataSpec Data) known)
    {
        var shape = DataShape.Of(known.Data);
        return new DatasetInfo(
            known.Kind,
            ChoiceAttribute.LabelOf(known.Data),
            shape.Channels,
            shape.IsPoints ? null : shape.Side,
            shape.ClassNames,
            []
        );
    }

    private static DatasetInfo Info(DatasetSummary d)
    {
        IReadOnlyList<string> names =
            d.ClassNames.Count > 0
                ? d.ClassNames
                : [.. Enumerable.Range(0, d.Classes).Select(k => k.ToString(CultureInfo.InvariantCulture))];
        IReadOnlyList<string> synsets = d.ClassNames.SequenceEqual(ImageNetClasses.Names)
            ? [.. ImageNetClasses.All.Select(c => c.Synset)]
            : [];
        return new DatasetInfo(
            d.Kind,
            d.Name,
            d.Channels,
            d.Side,
            names,
            synsets,
            d.Id,
            d.Path,
            d.State,
            d.Progress,
            d.Problem,
            d.Records,
            d.ClassCounts,
            d.Bytes,
            d.Sha256,
            d.CorruptCount,
            d.Corrupt,
            d.Notes
        );
    }
}
