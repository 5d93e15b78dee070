using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using SmtWeb.Smt.Datasets;
using SmtWeb.Torch;

namespace SmtWeb.Smt.ScoreOfMixture;

/// <summary>
/// The noise of a run: standard normal tensors, one after another, from one generator on the CPU, so that a run sees the same
/// noise on every device. For a GPU they are drawn ahead on a thread of their own and lie in pinned memory; the trainer only
/// starts their copies. The state is that of the last one handed out, whatever was drawn ahead.
/// </summary>
public sealed class NoiseStream : IDisposable
{
    private const int Ahead = 4;

    private readonly Generator generator;
    private readonly Device device;
    private Prefetch? prefetch;
    private byte[]? handedOut; // state after the last tensor, where a thread is ahead of it

    /// <summary>A stream that starts at <paramref name="seed"/>, for tensors on <paramref name="device"/>.</summary>
    public NoiseStream(ulong seed, Device device) => (generator, this.device) = (new Generator(seed), device);

    /// <summary>Everything it takes to go on with the same numbers.</summary>
    public byte[] State
    {
        get => handedOut ?? GeneratorState.Get(generator);
        set
        {
            StopDrawing();
            GeneratorState.Set(generator, value);
            handedOut = null;
        }
    }

    /// <summary>The rows of <paramref name="share"/> of the next tensor [Batch, <paramref name="sample"/>…], on the device; it belongs to the current scope.</summary>
    public Tensor Next(BatchShare share, IReadOnlyList<long> sample)
    {
        if (!HostTransfer.IsRemote(device)) return Draw(share, sample);
        if (prefetch is not null && !prefetch.Fits(share, sample))
        {
            var state = State;
            StopDrawing();
            GeneratorState.Set(generator, state);
        }
        prefetch ??= new Prefetch(this, share, sample);
        var (staged, stateAfter) = prefetch.Take();
        handedOut = stateAfter;
        using (staged) return HostTransfer.Start(staged, device);
    }

    private Tensor Draw(BatchShare share, IReadOnlyList<long> sample)
    {
        var all = torch.randn([share.Batch, .. sample], generator: generator);
        return share.IsAll ? all : all.narrow(0, share.From, share.Count);
    }

    private void StopDrawing()
    {
        prefetch?.Dispose();
        prefetch = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        StopDrawing();
        generator.Dispose();
    }

    /// <summary>A thread that draws tensors of one shape ahead.</summary>
    private sealed class Prefetch : IDisposable
    {
        private readonly BlockingCollection<(Tensor Staged, byte[] StateAfter)> ready = new(Ahead);
        private readonly CancellationTokenSource stop = new();
        private readonly Thread thread;
        private readonly BatchShare share;
        private readonly long[] sample;
        private ExceptionDispatchInfo? failure;

        internal Prefetch(NoiseStream stream, BatchShare share, IReadOnlyList<long> sample)
        {
            (this.share, this.sample) = (share, [.. sample]);
            thread = new Thread(() => Work(stream)) { IsBackground = true, Name = "noise" };
            thread.Start();
        }

        internal bool Fits(BatchShare wanted, IReadOnlyList<long> shape) => wanted == share && shape.SequenceEqual(sample);

        internal (Tensor Staged, byte[] StateAfter) Take()
        {
            try
            {
                return ready.Take();
            }
            catch (InvalidOperationException) when (failure is not null)
            {
                failure.Throw();
                throw;
            }
        }

        private void Work(NoiseStream stream)
        {
            try
            {
                while (!stop.IsCancellationRequested)
                {
                    Tensor staged;
                    using (torch.NewDisposeScope()) staged = HostTransfer.Stage(stream.Draw(share, sample), stream.device).DetachFromDisposeScope();
                    try
                    {
                        ready.Add((staged, GeneratorState.Get(stream.generator)), stop.Token);
                    }
                    catch (OperationCanceledException)
                    {
                        staged.Dispose();
                    }
                }
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            ready.CompleteAdding();
        }

        public void Dispose()
        {
            stop.Cancel();
            thread.Join();
            while (ready.TryTake(out var left)) left.Staged.Dispose();
            ready.Dispose();
            stop.Dispose();
        }
    }
}
