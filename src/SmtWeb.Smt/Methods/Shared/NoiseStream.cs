using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>
/// The noise of a run: standard normal tensors, one after another, from one generator on the CPU, so that a run sees the same
/// noise on every device. For a GPU they are drawn ahead on a thread of their own and lie in pinned memory; the trainer only
/// starts their copies. The state is that of the last one handed out, whatever was drawn ahead.
/// </summary>
public sealed class NoiseStream : IDisposable
{
    private const int Ahead = 4;

    private readonly Generator _generator;
    private readonly Device _device;
    private Prefetch? _prefetch;
    private byte[]? _handedOut; // state after the last tensor, where a thread is ahead of it

    /// <summary>A stream that starts at <paramref name="seed"/>, for tensors on <paramref name="device"/>.</summary>
    public NoiseStream(ulong seed, Device device) => (_generator, _device) = (new Generator(seed), device);

    /// <summary>Everything it takes to go on with the same numbers.</summary>
    public byte[] State
    {
        get => _handedOut ?? GeneratorState.Get(_generator);
        set
        {
            StopDrawing();
            GeneratorState.Set(_generator, value);
            _handedOut = null;
        }
    }

    /// <summary>
    /// The rows of <paramref name="share"/> of the next tensor [Batch, <paramref name="sample"/>…], on the device; it belongs to the
    /// current scope.
    /// </summary>
    public Tensor Next(BatchShare share, IReadOnlyList<long> sample)
    {
        if (!HostTransfer.IsRemote(_device))
        {
            return Draw(share, sample);
        }
        if (_prefetch is not null && !_prefetch.Fits(share, sample))
        {
            var state = State;
            StopDrawing();
            GeneratorState.Set(_generator, state);
        }
        _prefetch ??= new Prefetch(this, share, sample);
        var (staged, stateAfter) = _prefetch.Take();
        _handedOut = stateAfter;
        using (staged)
        {
            return HostTransfer.Start(staged, _device);
        }
    }

    private Tensor Draw(BatchShare share, IReadOnlyList<long> sample)
    {
        var all = torch.randn([share.Batch, .. sample], generator: _generator);
        return share.IsAll ? all : all.narrow(0, share.From, share.Count);
    }

    private void StopDrawing()
    {
        _prefetch?.Dispose();
        _prefetch = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        StopDrawing();
        _generator.Dispose();
    }

    /// <summary>A thread that draws tensors of one shape ahead.</summary>
    private sealed class Prefetch : IDisposable
    {
        private readonly BlockingCollection<(Tensor Staged, byte[] StateAfter)> _ready = new(Ahead);
        private readonly CancellationTokenSource _stop = new();
        private readonly Thread _thread;
        private readonly BatchShare _share;
        private readonly long[] _sample;
        private ExceptionDispatchInfo? _failure;

        internal Prefetch(NoiseStream stream, BatchShare share, IReadOnlyList<long> sample)
        {
            (_share, _sample) = (share, [.. sample]);
            _thread = new Thread(() => Work(stream)) { IsBackground = true, Name = "noise" };
            _thread.Start();
        }

        internal bool Fits(BatchShare wanted, IReadOnlyList<long> shape) => wanted == _share && shape.SequenceEqual(_sample);

        internal (Tensor Staged, byte[] StateAfter) Take()
        {
            try
            {
                return _ready.Take();
            }
            catch (InvalidOperationException) when (_failure is not null)
            {
                _failure.Throw();
                throw;
            }
        }

        private void Work(NoiseStream stream)
        {
            try
            {
                while (!_stop.IsCancellationRequested)
                {
                    Tensor staged;
                    using (torch.NewDisposeScope())
                    {
                        staged = HostTransfer.Stage(stream.Draw(_share, _sample), stream._device).DetachFromDisposeScope();
                    }
                    try
                    {
                        _ready.Add((staged, GeneratorState.Get(stream._generator)), _stop.Token);
                    }
                    catch (OperationCanceledException)
                    {
                        staged.Dispose();
                    }
                }
            }
            catch (Exception e)
            {
                _failure = ExceptionDispatchInfo.Capture(e);
            }
            _ready.CompleteAdding();
        }

        public void Dispose()
        {
            _stop.Cancel();
            _thread.Join();
            while (_ready.TryTake(out var left))
            {
                left.Staged.Dispose();
            }
            _ready.Dispose();
            _stop.Dispose();
        }
    }
}
