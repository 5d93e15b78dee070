using System.Security.Claims;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Datasets;

/// <summary>Changes of data sets by the signed-in person; the role is asked again at each call.</summary>
public sealed class DatasetCommands(
    DatasetStore store,
    LiveRights rights,
    RunOwnership ownership,
    AuditLog audit,
    PanelNotices notices,
    PanelQuestions questions
)
{
    /// <summary>Registers a data set; null (and a notice) where the role does not allow it.</summary>
    /// <exception cref="SpecException">A member is wrong.</exception>
    public async Task<long?> RegisterAsync(string name, string path, string kind, bool skipCorrupt, int side) =>
        await OperatorAsync() is { } person
            ? await store.RegisterAsync(new NewDataset(name, path, kind, skipCorrupt, side, person.DisplayName()))
            : null;

    /// <summary>Queues the check again.</summary>
    public async Task CheckAgainAsync(DatasetSummary dataset, bool skipCorrupt)
    {
        if (await OperatorAsync() is not null)
        {
            await store.CheckAgainAsync(dataset.Id, skipCorrupt);
        }
    }

    /// <summary>Forgets a data set after asking.</summary>
    public async Task<bool> ForgetAsync(DatasetSummary dataset)
    {
        var sure = await questions.AskAsync(
            $"Forget {dataset.Name}?",
            "Its files stay, and runs that were trained on it keep their settings. New runs can no longer choose it.",
            "Forget"
        );
        if (!sure || await OperatorAsync() is not { } person)
        {
            return false;
        }

        if (ownership.Refusal($"Data set {dataset.Name}", dataset.CreatedBy, person) is { } refusal)
        {
            notices.Refused(refusal);
            return false;
        }

        if (!await store.DeleteAsync(dataset.Id))
        {
            return false;
        }

        await audit.WriteAsync(person.Actor(), AuditActions.DatasetForgotten, dataset.Name, dataset.Path);
        return true;
    }

    private async Task<ClaimsPrincipal?> OperatorAsync()
    {
        if (await rights.AskAsync(Policies.Operate) is { } person)
        {
            return person;
        }

        notices.Failed("Reviewers look at data sets, but change nothing. Ask an administrator for the role Member.");
        return null;
    }
}
