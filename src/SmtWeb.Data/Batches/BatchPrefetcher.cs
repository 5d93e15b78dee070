using System.Diagnostics;
using SmtWeb.Data.Formats;
using SmtWeb.Torch;

namespace SmtWeb.Data.Batches;

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

    private readonly ImageSource _source;
    private readonly EpochSampler _sampler;
    private readonly bool _mirror,
        _skipCorrupt;
    private readonly Device _device;
    private readonly int _size;
    private readonly object _gate = new();
    private readonly Stack<ImageBatch> _free = new();
    private readonly Dictionary<long, ImageBatch> _ready = [];
    private readonly List<Thread> _threads = [];
    private long _drawn,
        _taken;
    private bool _stopping;

    /// <summary>Begins to read ahead. <paramref name="sampler"/> belongs to it until it is disposed.</summary>
    public BatchPrefetcher(
        ImageSource source,
        EpochSampler sampler,
        int batch,
        bool mirror,
        bool skipCorrupt,
        int workers,
        int ahead,
        Device? device = null
    )
    {
        (_source, _sampler, _mirror, _skipCorrupt, _size, _device) = (source, sampler, mirror, skipCorrupt, batch, device ?? torch.CPU);
        for (var i = 0; i < ahead + workers; i++)
        {
            _free.Push(new ImageBatch(batch, source.ImageBytes));
        }
        for (var i = 0; i < workers; i++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = $"data {i}" };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Images of a batch.</summary>
    public int BatchSize => _size;

    /// <summary>How long <see cref="Take"/> has waited in all: what the data cost the trainer.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>The next batch in order; give it back with <see cref="Return"/>.</summary>
    /// <exception cref="IOException">A record cannot be read.</exception>
    public ImageBatch Take()
    {
        lock (_gate)
        {
            if (!_ready.Remove(_taken, out var batch))
            {
                var begin = Stopwatch.GetTimestamp();
                while (!_ready.Remove(_taken, out batch))
                {
                    Monitor.Wait(_gate);
                }
                Waited += Stopwatch.GetElapsedTime(begin);
            }

            _taken++;
            if (batch.Error is null)
            {
                return batch;
            }
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(batch.Error);
            return batch;
        }
    }

    /// <summary>The trainer has copied the batch.</summary>
    public void Return(ImageBatch batch)
    {
        lock (_gate)
        {
            _free.Push(batch);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Ends the threads; what they read ahead is lost, the sampler stands somewhere behind it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var thread in _threads)
        {
            thread.Join();
        }
        foreach (var batch in _ready.Values)
        {
            batch.Staged?.Dispose();
        }
    }

    private void Work()
    {
        var (indices, flips) = (new int[_size], new bool[_size]);
        while (true)
        {
            ImageBatch batch;
            long number;
            lock (_gate)
            {
                while (_free.Count == 0 && !_stopping)
                {
                    Monitor.Wait(_gate);
                }
                if (_stopping)
                {
                    return;
                }
                batch = _free.Pop();
                number = _drawn++;
                _sampler.Next(indices, flips);
                batch.OrderAfter = _sampler.State;
            }

            Fill(batch, indices, flips);
            lock (_gate)
            {
                _ready.Add(number, batch);
                Monitor.PulseAll(_gate);
                if (batch.Error is not null)
                {
                    return;
                }
            }
        }
    }

    private void Fill(ImageBatch batch, int[] indices, bool[] flips)
    {
        batch.Skipped.Clear();
        try
        {
            for (var k = 0; k < _size && !Volatile.Read(ref _stopping); k++)
            {
                var pixels = batch.Pixels.AsSpan(k * _source.ImageBytes, _source.ImageBytes);
                batch.Labels[k] = Read(_source, indices[k], pixels, _skipCorrupt ? batch.Skipped : null);
                if (_mirror && flips[k])
                {
                    Mirror(pixels, _source.Side);
                }
            }
            if (HostTransfer.IsRemote(_device))
            {
                batch.Staged = Stage(batch.Pixels);
            }
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
        return HostTransfer.Stage(Tensors.Of(pixels, [pixels.Length]), _device).DetachFromDisposeScope();
    }

    /// <summary>
    /// Reads a record, or the next that can be read, noting those passed over in <paramref name="skipped"/>; null: a corrupt one is an
    /// error.
    /// </summary>
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
        for (var row = 0; row < planes.Length; row += side)
        {
            planes.Slice(row, side).Reverse();
        }
    }
}
