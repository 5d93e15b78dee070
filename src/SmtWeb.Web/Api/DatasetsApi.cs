using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Api;

/// <summary>What a generator can learn to draw. <paramref name="Side"/> is null for points in the plane.</summary>
internal sealed record DatasetInfo(string Kind, string Name, int Channels, int? Side, IReadOnlyList<string> Classes);

/// <summary>Data sets.</summary>
internal static class DatasetsApi
{
    private static readonly (string Kind, DataSpec Data)[] Known = [("swissRoll", new SwissRollSpec()), ("fashionMnist", new FashionMnistSpec())];

    internal static void MapDatasets(this RouteGroupBuilder api) =>
        api.MapGet("/datasets", List).WithTags("Datasets").WithName("ListDatasets").WithSummary("Data sets and their classes; 'kind' is that of $.data in a spec.")
            .Produces<IReadOnlyList<DatasetInfo>>();

    private static IResult List() => TypedResults.Ok(Known.Select(known =>
    {
        var shape = DataShape.Of(known.Data);
        return new DatasetInfo(known.Kind, SpecCatalog.KindLabel(known.Data), shape.Channels, shape.IsPoints ? null : shape.Side, shape.ClassNames);
    }).ToList());
}
