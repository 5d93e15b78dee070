namespace SmtWeb.Data.Batches;

/// <summary>
/// Draws batches of indices so that each epoch shows every record once in a new order, and a fair coin per record for
/// flips. Batches run over the end of an epoch. <see cref="State"/> is all it takes to go on bit for bit.
/// </summary>
public sealed class EpochSampler
{
    /// <summary>Numbers in <see cref="State"/>.</summary>
    public const int StateLength = 10;

    private readonly int[] _order;
    private readonly HostRandom _shuffle;
    private readonly HostRandom _coins;
    private IReadOnlyList<long> _shuffleAtEpochStart = [];
    private int _position;

    /// <summary>A sampler over 0 … <paramref name="count"/> - 1.</summary>
    public EpochSampler(int count, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _order = new int[count];
        _shuffle = new HostRandom(seed, stream: 1);
        _coins = new HostRandom(seed, stream: 2);
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
        get => [Epoch, _position, .. _shuffleAtEpochStart, .. _coins.State];
        set
        {
            if (value.Count != StateLength || value[0] < 0 || value[1] < 0 || value[1] >= _order.Length)
            {
                throw new ArgumentException(
                    $"[{string.Join(",", value)}] is no state of a sampler over {_order.Length} records.",
                    nameof(value)
                );
            }
            _shuffle.State = [.. value.Skip(2).Take(4)];
            _coins.State = [.. value.Skip(6)];
            Shuffle();
            Epoch = value[0];
            _position = (int)value[1];
        }
    }

    /// <summary>Fills a batch: indices, and whether each is to be flipped. Coins are drawn whether they are used or not.</summary>
    public void Next(Span<int> indices, Span<bool> flips)
    {
        if (flips.Length != indices.Length)
        {
            throw new ArgumentException($"{indices.Length} indices need as many flips; got {flips.Length}.", nameof(flips));
        }
        for (var i = 0; i < indices.Length; i++)
        {
            indices[i] = _order[_position++];
            flips[i] = (long)_coins.NextBits() < 0;
            if (_position < _order.Length)
            {
                continue;
            }
            Epoch++;
            Shuffle();
        }
    }

    private void Shuffle()
    {
        // From the identity, so that the order depends on the generator's state alone (Fisher and Yates).
        _shuffleAtEpochStart = _shuffle.State;
        for (var i = 0; i < _order.Length; i++)
        {
            _order[i] = i;
        }
        for (var i = _order.Length - 1; i > 0; i--)
        {
            var j = _shuffle.NextInt(i + 1);
            (_order[i], _order[j]) = (_order[j], _order[i]);
        }

        _position = 0;
    }
}
