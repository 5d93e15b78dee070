namespace SmtWeb.Chaos;

/// <summary>What a campaign did; that nothing was broken is said by its coming to an end.</summary>
public sealed record CampaignResult(int Kills, int Runs, int Attempts, int ResumedByHand, IReadOnlyDictionary<string, int> Kinds)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Kills} disturbances ({string.Join(", ", Kinds.OrderBy(k => k.Key).Select(k => $"{k.Value} x {k.Key}"))}) over {Runs} runs in "
        + $"{Attempts} attempts, {ResumedByHand} resumed by hand; no invariant was broken.";
}
