using System.Security.Claims;
using Radzen;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.People;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Panel.Datasets;

/// <summary>Changes of data sets by the signed-in person; the role is asked again at each call.</summary>
public sealed class DatasetCommands(DatasetStore store, LiveRights rights, RunOwnership ownership, AuditLog audit, NotificationService notices, DialogService dialogs)
{
    /// <summary>Registers a data set; null (and a notice) where the role does not allow it.</summary>
    /// <exception cref="SpecException">A member is wrong.</exception>
    public async Task<long?> RegisterAsync(string name, string path, string kind, bool skipCorrupt, int side) =>
        await OperatorAsync() is { } person ? await store.RegisterAsync(new NewDataset(name, path, kind, skipCorrupt, side, person.DisplayName())) : null;

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
        var sure = await dialogs.Confirm(
            "Its files stay, and runs that were trained on it keep their settings. New runs can no longer choose it.", $"Forget {dataset.Name}?",
            new ConfirmOptions { OkButtonText = "Forget", CancelButtonText = "Keep it" });
        if (sure != true || await OperatorAsync() is not { } person)
        {
            return false;
        }

        if (ownership.Refusal($"Data set {dataset.Name}", dataset.CreatedBy, person) is { } refusal)
        {
            notices.Notify(NotificationSeverity.Warning, "Not done", refusal, duration: 8000);
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

        notices.Notify(NotificationSeverity.Error, "Not with your role", "Reviewers look at data sets, but change nothing. Ask an administrator for the role Member.", duration: 8000);
        return null;
    }
}
