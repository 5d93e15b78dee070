namespace SmtWeb.Smt.Datasets;

/// <summary>
/// Draws batches of indices so that each epoch shows every record once in a new order, and a fair coin per record for
/// flips. Batches run over the end of an epoch. <see cref="State"/> is all it takes to go on bit for bit.
/// </summary>
public sealed class EpochSampler
{
    /// <summary>Numbers in <see cref="State"/>.</summary>
    public const int StateLength = 10;

    private readonly int[] order;
    private readonly HostRandom shuffle;
    private readonly HostRandom coins;
    private IReadOnlyList<long> shuffleAtEpochStart = [];
    private int position;

    /// <summary>A sampler over 0 … <paramref name="count"/> - 1.</summary>
    public EpochSampler(int count, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        order = new int[count];
        shuffle = new HostRandom(seed, stream: 1);
        coins = new HostRandom(seed, stream: 2);
        Shuffle();
    }

    /// <summary>Epochs completed.</summary>
    public long Epoch { get; private set; }

    /// <summary>
    /// Epoch, position in it, the shuffling generator as it was before this epoch's order was drawn, and the coins'
    /// generator. The order itself is drawn again on restore.
    /// </summary>
    /// <exception cref="ArgumentException">Set to numbers that are no state of a sampler over as many records.</exception>
    public IReadOnlyList<long> State
    {
        get => [Epoch, position, .. shuffleAtEpochStart, .. coins.State];
        set
        {
            if (value.Count != StateLength || value[0] < 0 || value[1] < 0 || value[1] >= order.Length)
                throw new ArgumentException($"[{string.Join(",", value)}] is no state of a sampler over {order.Length} records.", nameof(value));
            shuffle.State = [.. value.Skip(2).Take(4)];
            coins.State = [.. value.Skip(6)];
            Shuffle();
            Epoch = value[0];
            position = (int)value[1];
        }
    }

    /// <summary>Fills a batch: indices, and whether each is to be flipped. Coins are drawn whether they are used or not.</summary>
    public void Next(Span<int> indices, Span<bool> flips)
    {
        if (flips.Length != indices.Length) throw new ArgumentException($"{indices.Length} indices need as many flips; got {flips.Length}.", nameof(flips));
        for (var i = 0; i < indices.Length; i++)
        {
            indices[i] = order[position++];
            flips[i] = (long)coins.NextBits() < 0;
            if (position < order.Length) continue;
            Epoch++;
            Shuffle();
        }
    }

    private void Shuffle()
    {
        // From the identity, so that the order depends on the generator's state alone (Fisher and Yates).
        shuffleAtEpochStart = shuffle.State;
        for (var i = 0; i < order.Length; i++) order[i] = i;
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = shuffle.NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        position = 0;
    }
}
