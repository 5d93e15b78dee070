namespace SmtWeb.Worker.Training;

/// <summary>Exit codes of a trainer process.</summary>
public static class TrainerExit
{
    /// <summary>The run was given back with its state.</summary>
    public const int GivenBack = 0;

    /// <summary>The attempt no longer owned the run; nothing was written.</summary>
    public const int Fenced = 3;

    /// <summary>The database was away for too long.</summary>
    public const int DatabaseLost = 4;

    /// <summary>A process of a run on several devices died; it goes on from its last checkpoint.</summary>
    public const int RankLost = 5;

    /// <summary>An exit code in words.</summary>
    public static string Describe(int code) =>
        code switch
        {
            GivenBack => "its process ended without giving the run back",
            Fenced => "it no longer owned the run",
            DatabaseLost => "it lost the database for too long",
            RankLost => "a process of one of its devices died (its last words are in the log)",
            128 + 9 =>
                "its process was killed (signal 9; if nobody did that, the kernel did, for want of memory: choose a smaller batch or "
                    + "network)",
            128 + 11 => "its process crashed (signal 11, invalid memory access in native code)",
            128 + 6 => "its process aborted (signal 6, usually an error in native code; its last words are in the log)",
            > 128 and < 192 => $"its process was ended by signal {code - 128}",
            _ => $"its process ended with code {code}",
        };
}
