using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Data.Formats;
using SmtWeb.Measures.Statistics;
using SmtWeb.Web.Panel.Shared;
using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Panel.Run;

/// <summary>A sample beside the training images nearest to it, with the distances between real images for measure.</summary>
public sealed partial class NeighboursPanel : IDisposable
{
    private const int Count = 6;
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<ClassChoice> _classes = [];
    private int _label;
    private long _seed;
    private bool _busy;
    private string? _missing;
    private string? _problem;
    private NeighbourMeasuring? _measuring;
    private NeighbourResult? _found;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required long RunId { get; set; }

    /// <summary>What it is trained on.</summary>
    [Parameter, EditorRequired]
    public required DataSpec Data { get; set; }

    [Inject]
    private NeighbourService Service { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        var shape = DataShape.Of(Data);
        _classes = ClassChoice.Of(shape.ClassNames, shape.Synsets.Count > 0);
        Look();
        if (RendererInfo.IsInteractive && Service.MeasuringOf(Data) is { } going)
        {
            _ = ShowAsync(going); // somebody began it before this page was opened
        }
    }

    private static string Data64(byte[] png) => $"data:image/png;base64,{Convert.ToBase64String(png)}";

    private static string Number(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private static string Text(MeasureProgress p) =>
        p.Total <= 1 ? $"{p.What}…" : $"{p.What}: {Format.Count(p.Done)} of {Format.Count(p.Total)} ({100.0 * p.Done / p.Total:F0} %)";

    private static string Verdict(NeighbourResult found) =>
        found.Neighbours[0].Distance < found.RealLow
            ? "this sample is nearer to a training image than real images are to each other; look at both."
        : found.Neighbours[0].Distance > found.RealHigh
            ? "this sample is farther from every training image than real images are from each other."
        : "this sample is as far from the training images as real images are from each other.";

    private static string? Problem(GenerationResult failure) =>
        failure switch
        {
            GenerationResult.UnknownModel unknown => unknown.Problem,
            GenerationResult.Invalid invalid => invalid.Problem,
            GenerationResult.Busy busy => busy.Problem,
            GenerationResult.Unavailable away => away.Problem,
            _ => "The sample could not be drawn.",
        };

    // With its number, where no other class has the same name.
    private string NameOf(string className) =>
        _classes.Where(c => c.Name == className).ToList() is [var only] ? ClassChoice.Numbered(only.Index, className) : className;

    private void Look() => _missing = Service.Missing(Data);

    private async Task FindAsync()
    {
        (_busy, _problem) = (true, null);
        try
        {
            while (true)
            {
                var answer = await Service.FindAsync(
                    RunId,
                    null,
                    (ulong)Math.Max(0, _seed),
                    _classes.Count > 0 ? _label : null,
                    Count,
                    _gone.Token
                );
                if (answer is NeighbourAnswer.Measuring && Service.MeasuringOf(Data) is { } going)
                {
                    await FollowAsync(going);
                    continue;
                }

                (_found, _problem) = answer switch
                {
                    NeighbourAnswer.Found found => (found.Result, null),
                    NeighbourAnswer.NotDrawn failed => (_found, Problem(failed.Reason)),
                    NeighbourAnswer.Unavailable missing => (_found, missing.Problem),
                    _ => (_found, "The training images are being measured; try again."),
                };
                break;
            }
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            return;
        }

        _busy = false;
    }

    private async Task ShowAsync(NeighbourMeasuring going)
    {
        try
        {
            _busy = true;
            await FollowAsync(going);
            _busy = false;
            StateHasChanged();
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            // the page is gone; the measuring goes on
        }
    }

    private async Task FollowAsync(NeighbourMeasuring going)
    {
        _measuring = going;
        while (await Task.WhenAny(going.Index, Task.Delay(Refresh, _gone.Token)) != going.Index)
        {
            _gone.Token.ThrowIfCancellationRequested();
            StateHasChanged();
        }

        _measuring = null;
    }
}
