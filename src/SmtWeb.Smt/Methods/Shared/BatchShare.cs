namespace SmtWeb.Smt.Methods.Shared;

/// <summary>
/// The rows of a batch that this process computes: <paramref name="Count"/> of <paramref name="Batch"/>, beginning at
/// <paramref name="From"/>. Random numbers are drawn for the whole batch, so that a run does not depend on who computes what.
/// </summary>
public readonly record struct BatchShare(int Batch, int From, int Count)
{
    /// <summary>The share of rank <paramref name="rank"/> of <paramref name="ranks"/>, which divide the batch.</summary>
    public static BatchShare Of(int batch, int rank, int ranks) => new(batch, batch / ranks * rank, batch / ranks);

    /// <summary>The whole batch.</summary>
    public static implicit operator BatchShare(int batch) => new(batch, 0, batch);

    /// <summary>Nothing is left out.</summary>
    public bool IsAll => Count == Batch;
}
