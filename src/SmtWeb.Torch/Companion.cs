using System.Runtime.ExceptionServices;

namespace SmtWeb.Torch;

/// <summary>
/// A thread that lives as long as the process and computes the second half of what a pass computes in two. Unlike a pool's threads it keeps
/// libtorch's settings of a thread, and whoever needs it waits for its turn.
/// </summary>
internal static class Companion
{
    private static readonly Lock Turn = new();
    private static readonly SemaphoreSlim Wake = new(0), Done = new(0);

    [ThreadStatic] private static bool isCompanion;

    private static Thread? thread;
    private static Action work = () => { };
    private static int threads, threadsNow;
    private static ExceptionDispatchInfo? failure;

    /// <summary>Whether this thread is it: what it runs is a half already.</summary>
    internal static bool IsCurrent => isCompanion;

    /// <summary>Runs <paramref name="here"/> on this thread and <paramref name="there"/> on the companion; both have ended when this returns or throws.</summary>
    internal static void Both(Action here, Action there)
    {
        lock (Turn)
        {
            if (thread is null)
            {
                thread = new Thread(Live) { IsBackground = true, Name = "second half of the rows" };
                thread.Start();
            }
            (work, threads, failure) = (there, LibTorch.Threads, null);
            Wake.Release();
            try
            {
                here();
            }
            finally
            {
                Done.Wait();
                work = () => { };
            }
            failure?.Throw();
        }
    }

    private static void Live()
    {
        isCompanion = true;
        while (true)
        {
            Wake.Wait();
            try
            {
                if (threadsNow != threads)
                {
                    threadsNow = TorchRuntime.Threads = threads;
                }
                work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            Done.Release();
        }
    }
}
