using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>A picture as js/samples.js shows it.</summary>
internal sealed record SamplePicture(long Id, string Kind, long Iteration, long ImagesSeen, int Rows, int Columns, int CellSize, IReadOnlyList<string> RowLabels, string Url)
{
    internal static SamplePicture From(long run, RunPicture p) =>
        new(p.Id, p.Kind.ToString(), p.Iteration, p.ImagesSeen, p.Rows, p.Columns, p.CellSize, p.RowLabels, PanelLinks.Picture(run, p.Id));
}
