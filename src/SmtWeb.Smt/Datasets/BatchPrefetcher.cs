using System.Diagnostics;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Datasets;

/// <summary>A batch that waits for the trainer: pixels [B,C,H,W], labels (-1 without), and where the order stands after it.</summary>
internal sealed class ImageBatch(int batch, int imageBytes)
{
    public byte[] Pixels { get; } = new byte[batch * imageBytes];

    public int[] Labels { get; } = new int[batch];

    public IReadOnlyList<long> OrderAfter { get; set; } = [];

    /// <summary>Records that were passed over.</summary>
    public List<CorruptRecordException> Skipped { get; } = [];

    public Exception? Error { get; set; }

    /// <summary>The pixels again as bytes [B·C·H·W] where they can be copied to a GPU from; whoever takes the batch frees them.</summary>
    public Tensor? Staged { get; set; }
}

/// <summary>
/// Reads, decodes and mirrors batches ahead of the trainer on threads of its own. The order is drawn by one sampler under
/// a lock and batches are handed out in that order, so that the number of threads changes nothing. A fixed number of
/// buffers goes around: threads that are ahead wait for one to come back (back-pressure), and memory is bounded.
/// </summary>
internal sealed class BatchPrefetcher : IDisposable
{
    private const int MaxSkippedInRow = 1000;

    private readonly ImageSource source;
    private readonly EpochSampler sampler;
    private readonly bool mirror, skipCorrupt;
    private readonly Device device;
    private readonly int size;
    private readonly object gate = new();
    private readonly Stack<ImageBatch> free = new();
    private readonly Dictionary<long, ImageBatch> ready = [];
    private readonly List<Thread> threads = [];
    private long drawn, taken;
    private bool stopping;

    /// <summary>Begins to read ahead. <paramref name="sampler"/> belongs to it until it is disposed.</summary>
    public BatchPrefetcher(ImageSource source, EpochSampler sampler, int batch, bool mirror, bool skipCorrupt, int workers, int ahead, Device? device = null)
    {
        (this.source, this.sampler, this.mirror, this.skipCorrupt, size, this.device) = (source, sampler, mirror, skipCorrupt, batch, device ?? torch.CPU);
        for (var i = 0; i < ahead + workers; i++) free.Push(new ImageBatch(batch, source.ImageBytes));
        for (var i = 0; i < workers; i++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = $"data {i}" };
            threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Images of a batch.</summary>
    public int BatchSize => size;

    /// <summary>How long <see cref="Take"/> has waited in all: what the data cost the trainer.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>The next batch in order; give it back with <see cref="Return"/>.</summary>
    /// <exception cref="IOException">A record cannot be read.</exception>
    public ImageBatch Take()
    {
        lock (gate)
        {
            if (!ready.Remove(taken, out var batch))
            {
                var begin = Stopwatch.GetTimestamp();
                while (!ready.Remove(taken, out batch)) Monitor.Wait(gate);
                Waited += Stopwatch.GetElapsedTime(begin);
            }

            taken++;
            if (batch.Error is null) return batch;
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(batch.Error);
            return batch;
        }
    }

    /// <summary>The trainer has copied the batch.</summary>
    public void Return(ImageBatch batch)
    {
        lock (gate)
        {
            free.Push(batch);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Ends the threads; what they read ahead is lost, the sampler stands somewhere behind it.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.PulseAll(gate);
        }

        foreach (var thread in threads) thread.Join();
        foreach (var batch in ready.Values) batch.Staged?.Dispose();
    }

    private void Work()
    {
        var (indices, flips) = (new int[size], new bool[size]);
        while (true)
        {
            ImageBatch batch;
            long number;
            lock (gate)
            {
                while (free.Count == 0 && !stopping) Monitor.Wait(gate);
                if (stopping) return;
                batch = free.Pop();
                number = drawn++;
                sampler.Next(indices, flips);
                batch.OrderAfter = sampler.State;
            }

            Fill(batch, indices, flips);
            lock (gate)
            {
                ready.Add(number, batch);
                Monitor.PulseAll(gate);
                if (batch.Error is not null) return;
            }
        }
    }

    private void Fill(ImageBatch batch, int[] indices, bool[] flips)
    {
        batch.Skipped.Clear();
        try
        {
            for (var k = 0; k < size && !Volatile.Read(ref stopping); k++)
            {
                var pixels = batch.Pixels.AsSpan(k * source.ImageBytes, source.ImageBytes);
                batch.Labels[k] = Read(source, indices[k], pixels, skipCorrupt ? batch.Skipped : null);
                if (mirror && flips[k]) Mirror(pixels, source.Side);
            }
            if (HostTransfer.IsRemote(device)) batch.Staged = Stage(batch.Pixels);
        }
        catch (Exception e)
        {
            // The trainer's thread gets it when the batch's turn has come.
            batch.Error = e;
        }
    }

    private Tensor Stage(byte[] pixels)
    {
        using var scope = torch.NewDisposeScope();
        return HostTransfer.Stage(Tensors.Of(pixels, [pixels.Length]), device).DetachFromDisposeScope();
    }

    /// <summary>Reads a record, or the next that can be read, noting those passed over in <paramref name="skipped"/>; null: a corrupt one is an error.</summary>
    internal static int Read(ImageSource source, int index, Span<byte> pixels, List<CorruptRecordException>? skipped)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return source.Read(index, pixels);
            }
            catch (CorruptRecordException e) when (skipped is not null && tries < Math.Min(MaxSkippedInRow, source.Count - 1))
            {
                skipped.Add(e);
                index = (index + 1) % source.Count;
            }
        }
    }

    private static void Mirror(Span<byte> planes, int side)
    {
        for (var row = 0; row < planes.Length; row += side) planes.Slice(row, side).Reverse();
    }
}
