using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Runs.People;
using SmtWeb.Runs.Weights;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Models;

/// <summary>Imported models, and the folder that they come from. Whoever imports, all pages see it go on.</summary>
public sealed partial class ModelsPage
{
    private readonly Dictionary<string, string?> _names = [];
    private IReadOnlyList<StoredModel>? _models;
    private IReadOnlyList<WeightsFileState> _files = [];
    private string? _problem;

    [Inject]
    private IModelStore Store { get; set; } = default!;

    [Inject]
    private WeightsFolder Folder { get; set; } = default!;

    [Inject]
    private LiveRights Rights { get; set; } = default!;

    [Inject]
    private PanelQuestions Questions { get; set; } = default!;

    [Inject]
    private AuditLog Audit { get; set; } = default!;

    /// <inheritdoc/>
    protected override TimeSpan Between => TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override bool GoesOn => true;

    /// <inheritdoc/>
    protected override Task OnInitializedAsync() => LookAsync();

    /// <inheritdoc/>
    protected override async Task LookAsync()
    {
        _files = await Folder.ListAsync(Gone);
        _models = await Store.ListAsync(Gone);
    }

    private async Task ImportAsync(WeightsFileState file)
    {
        if (await AllowedAsync(Policies.Operate) is { } by)
        {
            var change = await Folder.ImportAsync(
                file.FileName,
                _names.GetValueOrDefault(file.FileName) is { Length: > 0 } name ? name : null,
                by
            );
            _problem = change.Problem;
            await LookAsync();
        }
    }

    private async Task DeleteAsync(StoredModel model)
    {
        var sure = await Questions.AskAsync(
            $"Delete {model.Name}?",
            "Its weights are deleted for good. Runs that have ended keep what they learned from it.",
            "Delete for good"
        );
        if (sure && await AllowedAsync(Policies.Administer) is { } by)
        {
            var change = await Store.DeleteAsync(model.Name);
            if (change.Outcome == ChangeOutcome.Done)
            {
                await Audit.WriteAsync(new Actor(by), AuditActions.ModelDeleted, model.Name);
            }

            _problem = change.Outcome == ChangeOutcome.Done ? null : change.Problem;
            _models = await Store.ListAsync();
        }
    }

    /// <summary>The name of the person, or null (and a notice) where the role does not allow it now.</summary>
    private async Task<string?> AllowedAsync(string policy)
    {
        var person = await Rights.AskAsync(policy);
        _problem = person is null ? "Your role does not allow this." : null;
        return person?.DisplayName();
    }
}
