using SmtWeb.Runs;
using SmtWeb.Smt.Session;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>A picture as js/samples.js shows it.</summary>
internal sealed record SamplePicture(
    long Id,
    string Kind,
    long Iteration,
    long ImagesSeen,
    int Rows,
    int Columns,
    int CellSize,
    IReadOnlyList<string> RowLabels,
    string Url
)
{
    /// <param name="run">The picture's run.</param>
    /// <param name="p">The picture.</param>
    /// <param name="classes">Classes of the run's data: a grid has a row for each, or for some of them at even distances.</param>
    internal static SamplePicture From(long run, RunPicture p, int classes) =>
        new(
            p.Id,
            p.Kind.ToString(),
            p.Iteration,
            p.ImagesSeen,
            p.Rows,
            p.Columns,
            p.CellSize,
            Numbered(p.RowLabels, classes),
            PanelLinks.Picture(run, p.Id)
        );

    private static IReadOnlyList<string> Numbered(IReadOnlyList<string> names, int classes) =>
        names.Count == 0 || names.Count != Math.Min(classes, PictureRecord.MostRows)
            ? names
            : [.. names.Select((name, k) => ClassChoice.Numbered((int)((long)k * classes / names.Count), name))];
}
