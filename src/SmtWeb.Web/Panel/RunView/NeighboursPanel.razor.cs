using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Smt.Datasets;
using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>A sample beside the training images nearest to it, with the distances between real images for measure.</summary>
public sealed partial class NeighboursPanel : IDisposable
{
    private const int Count = 6;
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _gone = new();
    private int _label;
    private long _seed;
    private bool _busy;
    private string? _problem;
    private NeighbourResult? _found;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public required long RunId { get; set; }

    /// <summary>Names of the model's classes; empty without.</summary>
    [Parameter] public IReadOnlyList<string> Classes { get; set; } = FashionMnist.ClassNames;

    [Inject] private NeighbourService Service { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }

    private static string Data(byte[] png) => $"data:image/png;base64,{Convert.ToBase64String(png)}";

    private static string Verdict(NeighbourResult found) =>
        found.Neighbours[0].Distance < found.RealLow ? "this sample is nearer to a training image than real images are to each other; look at both."
        : found.Neighbours[0].Distance > found.RealHigh ? "this sample is farther from every training image than real images are from each other."
        : "this sample is as far from the training images as real images are from each other.";

    private async Task FindAsync()
    {
        (_busy, _problem) = (true, null);
        try
        {
            var finding = Service.FindAsync(RunId, null, (ulong)Math.Max(0, _seed), Classes.Count > 0 ? _label : null, Count, _gone.Token);
            while (await Task.WhenAny(finding, Task.Delay(Refresh, _gone.Token)) != finding)
            {
                StateHasChanged(); // the first search measures the training set
            }

            var (result, failure) = await finding;
            _found = result ?? _found;
            _problem = failure switch
            {
                null => null,
                GenerationResult.UnknownModel unknown => unknown.Problem,
                GenerationResult.Invalid invalid => invalid.Problem,
                GenerationResult.Busy busy => busy.Problem,
                GenerationResult.Unavailable away => away.Problem,
                _ => "The sample could not be drawn.",
            };
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e) when (e is ArgumentException or IOException or NotSupportedException)
        {
            _problem = e.Message;
        }

        _busy = false;
    }
}
