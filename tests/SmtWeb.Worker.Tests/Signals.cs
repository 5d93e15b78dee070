using System.Runtime.InteropServices;

namespace SmtWeb.Worker.Tests;

/// <summary>Signals to processes that a test started.</summary>
internal static partial class Signals
{
    private const int StopSignal = 19,
        ContinueSignal = 18;

    /// <summary>The process stands still; it cannot refuse.</summary>
    internal static void Stop(int process) => Assert.Equal(0, Kill(process, StopSignal));

    /// <summary>It goes on.</summary>
    internal static void Continue(int process) => Assert.Equal(0, Kill(process, ContinueSignal));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
