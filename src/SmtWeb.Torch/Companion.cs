using System.Runtime.ExceptionServices;

namespace SmtWeb.Torch;

/// <summary>
/// A thread that lives as long as the process and computes the second half of what a pass computes in two. Unlike a pool's threads it keeps
/// libtorch's settings of a thread, and whoever needs it waits for its turn.
/// </summary>
internal static class Companion
{
    private static readonly Lock Turn = new();
    private static readonly SemaphoreSlim Wake = new(0),
        Done = new(0);

    [ThreadStatic]
    private static bool _isCompanion;

    private static Thread? _thread;
    private static Action _work = () => { };
    private static int _threads,
        _threadsNow;
    private static ExceptionDispatchInfo? _failure;

    /// <summary>Whether this thread is it: what it runs is a half already.</summary>
    internal static bool IsCurrent => _isCompanion;

    /// <summary>
    /// Runs <paramref name="here"/> on this thread and <paramref name="there"/> on the companion; both have ended when this returns or
    /// throws.
    /// </summary>
    internal static void Both(Action here, Action there)
    {
        lock (Turn)
        {
            if (_thread is null)
            {
                _thread = new Thread(Live) { IsBackground = true, Name = "second half of the rows" };
                _thread.Start();
            }
            (_work, _threads, _failure) = (there, LibTorch.Threads, null);
            Wake.Release();
            try
            {
                here();
            }
            finally
            {
                Done.Wait();
                _work = () => { };
            }
            _failure?.Throw();
        }
    }

    private static void Live()
    {
        _isCompanion = true;
        while (true)
        {
            Wake.Wait();
            try
            {
                if (_threadsNow != _threads)
                {
                    _threadsNow = TorchRuntime.Threads = _threads;
                }
                _work();
            }
            catch (Exception e)
            {
                _failure = ExceptionDispatchInfo.Capture(e);
            }
            Done.Release();
        }
    }
}
