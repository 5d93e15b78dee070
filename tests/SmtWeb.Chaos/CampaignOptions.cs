namespace SmtWeb.Chaos;

/// <summary>Size of a campaign.</summary>
public sealed record CampaignOptions
{
    /// <summary>Disturbances.</summary>
    public int Kills { get; init; } = 100;

    /// <summary>Chooses what is disturbed and when.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Iterations of a run: some seconds of training.</summary>
    public int Iterations { get; init; } = 1500;

    /// <summary>Runs that wait or train at a time.</summary>
    public int Runs { get; init; } = 3;

    /// <summary>Whether a site runs beside the workers, to be killed as well.</summary>
    public bool Web { get; init; } = true;

    /// <summary>Longest time between two disturbances.</summary>
    public TimeSpan Pace { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Longest time that something stands still or is cut off; beyond the lease another attempt takes over.</summary>
    public TimeSpan Freeze { get; init; } = TimeSpan.FromSeconds(2 * Lab.Lease);

    /// <summary>What is left after the last disturbance must be done within this.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);
}
