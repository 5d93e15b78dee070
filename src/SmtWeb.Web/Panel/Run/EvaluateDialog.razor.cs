using Microsoft.AspNetCore.Components;
using MudBlazor;
using SmtWeb.Smt.Evaluation;

namespace SmtWeb.Web.Panel.Run;

/// <summary>Asks by which protocol a checkpoint is to be measured; answers with the protocol's name.</summary>
public sealed partial class EvaluateDialog
{
    private int _steps = 1;

    /// <summary>The numbers of steps per image that the generator was trained for.</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<int> Steps { get; set; }

    [CascadingParameter]
    private IMudDialogInstance Dialog { get; set; } = default!;

    private void Choose(EvaluationProtocol protocol) => Dialog.Close(protocol.WithSteps(_steps).Name);
}
