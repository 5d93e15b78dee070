using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Browser.Tests;

internal sealed partial class Seeds
{
    /// <summary>Points of every curve at an iteration.</summary>
    internal static IEnumerable<MetricPoint> Points(long iteration, Random noise)
    {
        var t = iteration / 9500.0;
        double Noise(double size) => 1 + size * (noise.NextDouble() - 0.5);
        (string Name, double Value)[] values =
        [
            (MetricNames.GeneratorLoss, (0.9 * Math.Exp(-3 * t) + 0.35) * Noise(0.5)),
            (MetricNames.GeneratorGanLoss, 0.69 * Noise(0.2)),
            (MetricNames.ScoreLoss, (1.4 * Math.Exp(-5 * t) + 0.22) * Noise(0.4)),
            (MetricNames.DiscriminatorLoss, 0.66 * Noise(0.15)),
            (MetricNames.ScoreRealLoss, (0.7 * Math.Exp(-5 * t) + 0.1) * Noise(0.4)),
            (MetricNames.ScoreFakeLoss, (0.7 * Math.Exp(-5 * t) + 0.12) * Noise(0.4)),
            (MetricNames.GeneratorGradient, iteration % 1700 == 1650 ? double.NaN : (3 * Math.Exp(-2 * t) + 0.6) * Noise(0.9)),
            (MetricNames.ScoreGradient, iteration % 2900 == 2800 ? double.PositiveInfinity : (5 * Math.Exp(-3 * t) + 0.8) * Noise(0.9)),
            (MetricNames.GeneratorRate, 1e-4 * Math.Min(1, iteration / 500.0)),
            (MetricNames.ScoreRate, 5e-4 * Math.Min(1, iteration / 500.0)),
            (MetricNames.ImagesPerSecond, 530 * Noise(0.1)),
        ];
        return values.Select(v => new MetricPoint(
            v.Name,
            iteration,
            iteration * ImagesPerIteration,
            iteration * SecondsPerIteration,
            v.Value
        ));
    }

    /// <summary>A grid in which each row is a shape of its own, sharper the later it is.</summary>
    internal static PictureRecord Grid(long iteration, double sharpness)
    {
        const int Cell = 32,
            Columns = 8;
        var noise = new Random(7);
        var grain = Enumerable.Range(0, Garments.Length * Columns * Cell * Cell).Select(_ => noise.NextDouble()).ToArray();
        byte Pixel(int x, int y)
        {
            var (row, column, u, v) = (y / Cell, x / Cell, x % Cell / 16.0 - 1, y % Cell / 16.0 - 1);
            var radius =
                Math.Pow(Math.Abs(u * (1 + 0.1 * (column % 3))), 2 + row % 4) + Math.Pow(Math.Abs(v * (1 + 0.25 * (row % 3))), 2 + row % 3);
            var shape = 1 / (1 + Math.Exp(12 * (radius - 0.45)));
            var value = sharpness * shape * (0.6 + 0.4 * Math.Sin(row + column)) + (1 - sharpness) * grain[y * Columns * Cell + x];
            return (byte)Math.Clamp(value * 255, 0, 255);
        }

        return new PictureRecord(
            PictureKind.Samples,
            iteration,
            iteration * ImagesPerIteration,
            Garments.Length,
            Columns,
            Cell,
            Garments,
            Png.Write(Columns * Cell, Garments.Length * Cell, Pixel)
        );
    }

    private static PictureRecord Strip(long iteration) =>
        new(
            PictureKind.Interpolation,
            iteration,
            iteration * ImagesPerIteration,
            2,
            10,
            32,
            [],
            Png.Write(320, 64, (x, y) => (byte)(Math.Abs(x % 32 - 16) + Math.Abs(y % 32 - 16) < 6 + x / 32 ? 200 - 10 * (x / 32) : 20))
        );

    private static PictureRecord Scatter(long iteration)
    {
        var noise = new Random(3);
        var marks = new HashSet<(int, int)>();
        for (var i = 0; i < 4000; i++)
        {
            var angle = 1.5 * Math.PI * (1 + 2 * noise.NextDouble());
            marks.Add(
                (
                    (int)(256 + 15 * angle * Math.Cos(angle) + 12 * noise.NextDouble()),
                    (int)(256 + 15 * angle * Math.Sin(angle) + 12 * noise.NextDouble())
                )
            );
        }

        return new PictureRecord(
            PictureKind.Scatter,
            iteration,
            iteration * 256,
            1,
            1,
            0,
            [],
            Png.Write(512, 512, (x, y) => marks.Contains((x, y)) ? (byte)40 : (byte)250)
        );
    }

    private static EvaluationRecord Evaluation(string metric, double value, long iteration, bool final = false) =>
        new(
            metric,
            value,
            iteration,
            iteration * ImagesPerIteration,
            iteration * SecondsPerIteration,
            final ? 10_000 : 5000,
            0,
            metric == "fid" ? "a3f1c2d4e5b60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90" : "",
            metric == "fid" ? "0f9e8d7c6b5a49382716f5e4d3c2b1a00f9e8d7c6b5a49382716f5e4d3c2b1a0" : "",
            "none",
            "uniform",
            "ema",
            final
        );
}
