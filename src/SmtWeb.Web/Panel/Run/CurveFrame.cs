using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Run;

/// <summary>
/// Points of curves as bytes that JavaScript reads as typed arrays, without parsing numbers. A step (iteration, images
/// seen, seconds, attempt) is written once, however many metrics it has: 16 bytes a point.
/// Layout, little endian: u32 length of the JSON, JSON header, zeros up to a multiple of 8; f64 iteration, images,
/// seconds, attempt (one per step); f64 value (one per point); u32 step, u32 name (one per point).
/// </summary>
internal static class CurveFrame
{
    private const int Alignment = 8;

    internal static byte[] Write(IReadOnlyList<StoredMetric> points)
    {
        var names = new Dictionary<string, uint>();
        var steps = new List<StoredMetric>();
        var stepOf = new uint[points.Count];
        var nameOf = new uint[points.Count];
        for (var i = 0; i < points.Count; i++)
        {
            var point = points[i];
            if (steps.Count == 0 || !SameStep(steps[^1], point))
            {
                steps.Add(point);
            }

            stepOf[i] = (uint)(steps.Count - 1);
            if (!names.TryGetValue(point.Name, out nameOf[i]))
            {
                names[point.Name] = nameOf[i] = (uint)names.Count;
            }
        }

        var header = JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                names = names.Keys,
                steps = steps.Count,
                points = points.Count,
                first = points.Count == 0 ? 0 : points[0].Sequence,
                last = points.Count == 0 ? 0 : points[^1].Sequence,
            }
        );
        var start = (sizeof(uint) + header.Length + Alignment - 1) / Alignment * Alignment;
        var frame = new byte[start + steps.Count * 4 * sizeof(double) + points.Count * (sizeof(double) + 2 * sizeof(uint))];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)header.Length);
        header.CopyTo(frame, sizeof(uint));
        var at = start;
        Doubles(steps, s => s.Iteration);
        Doubles(steps, s => s.ImagesSeen);
        Doubles(steps, s => s.Seconds);
        Doubles(steps, s => s.Attempt);
        Doubles(points, p => p.Value);
        MemoryMarshal.AsBytes(stepOf.AsSpan()).CopyTo(frame.AsSpan(at));
        MemoryMarshal.AsBytes(nameOf.AsSpan()).CopyTo(frame.AsSpan(at + stepOf.Length * sizeof(uint)));
        return frame;

        void Doubles(IReadOnlyList<StoredMetric> from, Func<StoredMetric, double> value)
        {
            var to = MemoryMarshal.Cast<byte, double>(frame.AsSpan(at, from.Count * sizeof(double)));
            for (var i = 0; i < from.Count; i++)
            {
                to[i] = value(from[i]);
            }

            at += from.Count * sizeof(double);
        }
    }

    private static bool SameStep(StoredMetric a, StoredMetric b) =>
        a.Iteration == b.Iteration && a.ImagesSeen == b.ImagesSeen && a.Seconds == b.Seconds && a.Attempt == b.Attempt;
}
