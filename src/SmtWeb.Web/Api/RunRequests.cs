using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using SmtWeb.Runs;

namespace SmtWeb.Web.Api;

/// <summary>A run to be queued: a preset, a preset with some settings replaced, or a whole spec.</summary>
internal sealed record CreateRunRequest
{
    /// <summary>Name of the run; the preset's title where there is none.</summary>
    [VisibleName, StringLength(RunStore.LongestName, MinimumLength = 1)]
    public string? Name { get; init; }

    /// <summary>Name of a preset (GET /api/v1/presets).</summary>
    [StringLength(100, MinimumLength = 1)]
    public string? Preset { get; init; }

    /// <summary>Goes on from a checkpoint of another run, in place of a preset; 'spec' then holds the settings to change.</summary>
    public ForkRequest? Fork { get; init; }

    /// <summary>
    /// With a preset or a fork: the settings to replace, any others left out, as in {"optimisation": {"iterations": 2000}}.
    /// Without one: a whole spec.
    /// </summary>
    public JsonElement? Spec { get; init; }

    /// <summary>Higher goes first; 0 if left out.</summary>
    [Range(-1000, 1000)]
    public int? Priority { get; init; }
}

/// <summary>A checkpoint to go on from.</summary>
internal sealed record ForkRequest
{
    /// <summary>The run it belongs to.</summary>
    [Range(1d, 9007199254740991d)]
    public required long Run { get; init; }

    /// <summary>Its id (GET /api/v1/runs/{id}/checkpoints); the newest if left out.</summary>
    [Range(1d, 9007199254740991d)]
    public long? Checkpoint { get; init; }
}

/// <summary>A new place in the queue.</summary>
internal sealed record PriorityRequest
{
    /// <summary>Higher goes first.</summary>
    [Range(-1000, 1000)]
    public required int Priority { get; init; }
}

/// <summary>A new name.</summary>
internal sealed record RenameRequest
{
    /// <summary>Name of the run.</summary>
    [VisibleName, StringLength(RunStore.LongestName, MinimumLength = 1)]
    public required string Name { get; init; }
}

/// <summary>A change of many runs.</summary>
internal enum BulkChange
{
    /// <summary>Pause them.</summary>
    Pause,

    /// <summary>Resume them.</summary>
    Resume,

    /// <summary>Cancel them.</summary>
    Cancel,

    /// <summary>Put them into the trash.</summary>
    Delete,

    /// <summary>Take them out of the trash.</summary>
    Restore,
}

/// <summary>A change of many runs at once.</summary>
internal sealed record BulkRequest
{
    /// <summary>Their ids.</summary>
    [Length(1, 1000)]
    public required IReadOnlyList<long> Runs { get; init; }

    /// <summary>What to do with them.</summary>
    public required BulkChange Change { get; init; }
}

/// <summary>Whether the change of one run was made; if not, <paramref name="Problem"/> says why.</summary>
internal sealed record BulkOutcome(long Run, bool Done, string? Problem);

/// <summary>The answer to a new run.</summary>
internal sealed record CreatedRun(long Id, string Url);
