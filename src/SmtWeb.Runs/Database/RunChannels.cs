namespace SmtWeb.Runs.Database;

/// <summary>
/// Channels of LISTEN/NOTIFY. A notification is only a wake-up: whoever listens reads the tables, and polls slowly
/// besides, so that a lost one costs seconds and never data.
/// </summary>
public static class RunChannels
{
    /// <summary>Something new for readers; the payload is a <see cref="RunNotice"/>.</summary>
    public const string Runs = "smtweb_runs";

    /// <summary>The queue changed: workers look for a run.</summary>
    public const string Queue = "smtweb_queue";

    /// <summary>A data set was registered, or its check went on; the payload is its id or empty.</summary>
    public const string Datasets = "smtweb_datasets";

    /// <summary>A trainer is asked for something; the payload is the run's id.</summary>
    public const string Signal = "smtweb_signal";
}

/// <summary>What a notification is about.</summary>
public enum RunNoticeKind
{
    /// <summary>State, progress, priority or name.</summary>
    Summary,

    /// <summary>New points of curves.</summary>
    Metrics,

    /// <summary>A new evaluation; the argument is its id.</summary>
    Evaluation,

    /// <summary>A new picture.</summary>
    Picture,

    /// <summary>A new complete checkpoint.</summary>
    Checkpoint,

    /// <summary>A new log line.</summary>
    Event,

    /// <summary>An attempt went on from an earlier iteration, which is the argument.</summary>
    Rewound,

    /// <summary>The run was deleted.</summary>
    Deleted,
}

/// <summary>Payload of a notification on <see cref="RunChannels.Runs"/>.</summary>
public readonly record struct RunNotice(long RunId, RunNoticeKind Kind, long Argument = 0)
{
    /// <summary>Writes the payload.</summary>
    public override string ToString() => $"{RunId} {Kind} {Argument}";

    /// <summary>Reads a payload; false for anything that this version does not know.</summary>
    public static bool TryParse(string payload, out RunNotice notice)
    {
        string[] parts = payload.Split(' ');
        if (
            parts.Length == 3
            && long.TryParse(parts[0], out long run)
            && Enum.TryParse(parts[1], out RunNoticeKind kind)
            && long.TryParse(parts[2], out long argument)
        )
        {
            notice = new(run, kind, argument);
            return true;
        }

        notice = default;
        return false;
    }
}
