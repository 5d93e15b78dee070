using Microsoft.Net.Http.Headers;
using SmtWeb.Runs;
using SmtWeb.Runs.People;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Api;

/// <summary>An imported model. <paramref name="Network"/> is that of a spec; <paramref name="Classes"/> is 0 where it has none.</summary>
internal sealed record ModelInfo(
    string Name,
    NetworkSpec Network,
    int Resolution,
    int Channels,
    int Classes,
    double SigmaData,
    long Parameters,
    string Source,
    string SourceFile,
    string SourceSha256,
    long Bytes,
    string Sha256,
    DateTimeOffset At,
    string By
);

/// <summary>Imported models: the teachers of distillation.</summary>
internal static class ModelsApi
{
    internal static void MapModels(this RouteGroupBuilder api)
    {
        var models = api.MapGroup("/models").WithTags("Models");
        models
            .MapGet("/", ListAsync)
            .WithName("ListModels")
            .WithSummary("Imported models by name; a run of the method 'smd' names one as its teacher.")
            .Produces<IReadOnlyList<ModelInfo>>();
        models
            .MapGet("/{name}", FindAsync)
            .WithName("GetModel")
            .WithSummary("One imported model.")
            .Produces<ModelInfo>()
            .ProducesProblem(404);
        models
            .MapGet("/{name}/file", FileAsync)
            .WithName("DownloadModel")
            .WithSummary("An imported model as safetensors.")
            .Produces<byte[]>(200, "application/octet-stream")
            .ProducesProblem(404);
        models
            .MapDelete("/{name}", DeleteAsync)
            .WithName("DeleteModel")
            .WithSummary("Deletes an imported model that no unfinished run needs; administrators only.")
            .RequireAuthorization(Policies.Administer)
            .Produces(204)
            .ProducesProblem(404)
            .ProducesProblem(409);
    }

    private static async Task<IResult> ListAsync(IModelStore models, CancellationToken ct) =>
        TypedResults.Ok((await models.ListAsync(ct)).Select(Show).ToList());

    private static async Task<IResult> FindAsync(string name, IModelStore models, CancellationToken ct) =>
        await models.FindAsync(name, ct) is { } model ? TypedResults.Ok(Show(model)) : NoModel(name);

    private static async Task<IResult> FileAsync(string name, IModelStore models, CancellationToken ct)
    {
        if (await models.FindAsync(name, ct) is not { } model || await models.OpenAsync(name, ct) is not { } stream)
        {
            return NoModel(name);
        }

        return TypedResults.Stream(
            stream,
            "application/octet-stream",
            $"{name}.safetensors",
            model.At,
            new EntityTagHeaderValue($"\"{model.Sha256}\""),
            enableRangeProcessing: true
        );
    }

    private static async Task<IResult> DeleteAsync(string name, IModelStore models, AuditLog audit, HttpContext http, CancellationToken ct)
    {
        var change = await models.DeleteAsync(name, ct);
        if (change.Outcome == ChangeOutcome.Done)
        {
            await audit.WriteAsync(http.Actor(), AuditActions.ModelDeleted, name, ct: ct);
        }

        return change.Outcome switch
        {
            ChangeOutcome.Done => TypedResults.NoContent(),
            ChangeOutcome.NotFound => NoModel(name),
            ChangeOutcome.Conflict => Problems.Conflict(change.Problem ?? "A run needs this model."),
        };
    }

    private static IResult NoModel(string name) => Problems.NotFound($"There is no model '{name}'; GET /api/v1/models lists them.");

    private static ModelInfo Show(StoredModel model)
    {
        var d = model.Description;
        return new(
            d.Name,
            d.Network,
            d.Resolution,
            d.Channels,
            d.Classes,
            d.SigmaData,
            d.Parameters,
            d.Source,
            d.SourceFile,
            d.SourceSha256,
            model.Bytes,
            model.Sha256,
            model.At,
            model.By
        );
    }
}
