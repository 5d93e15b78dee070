using System.Buffers.Binary;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Torch;

namespace SmtWeb.Data.Batches;

/// <summary>Batches of real samples on the training device, in an order that can be stored and gone on with.</summary>
public abstract class TrainingData : IDisposable
{
    /// <summary>Opens a data set.</summary>
    /// <exception cref="FileNotFoundException">It is not installed; says how to install it.</exception>
    /// <exception cref="SpecException">The data are of another shape than the spec says.</exception>
    public static TrainingData Open(DataSpec data, long seed, Device device) =>
        data switch
        {
            SwissRollSpec roll => new SwissRollData(roll, seed, device),
            FashionMnistSpec fashion => new FashionMnistData(fashion, seed, device),
            StoredDataSpec stored => new StoredImageData(stored, seed, device),
            _ => throw new ArgumentOutOfRangeException(nameof(data), data, "unknown data set"),
        };

    /// <summary>
    /// The next <paramref name="batch"/> samples [B,…], images in [-1,1], and their labels [B,classes] one-hot
    /// (null where there are none). They belong to the current scope.
    /// </summary>
    public abstract (Tensor Samples, Tensor? Labels) Next(int batch);

    /// <summary>Number of records; 0 where they are drawn afresh.</summary>
    public virtual int Count => 0;

    /// <summary>Images of each class that the run has; null without classes, or where every class is known to have some.</summary>
    public virtual IReadOnlyList<int>? ClassCounts => null;

    /// <summary>
    /// A reader of <paramref name="count"/> real images evenly spread over the records, apart from the training order:
    /// (first, n) gives those from the first on as floats in [-1,1] [n,C,H,W].
    /// </summary>
    public virtual Func<int, int, Tensor> Spread(int count) => throw new NotSupportedException("These data have no records.");

    /// <summary>How long <see cref="Next"/> has waited for records to be read and decoded: what the data cost the trainer.</summary>
    public virtual TimeSpan Waited => TimeSpan.Zero;

    /// <summary>
    /// What these data are, found by reading all of them once or remembered in <paramref name="cache"/>; <paramref name="begins"/> is told
    /// where they are to be read. Null where they are drawn afresh.
    /// </summary>
    /// <exception cref="CorruptRecordException">A record cannot be read, and such records are not to be skipped.</exception>
    public virtual DataReceipt? Identify(string cache, Action<CheckProgress> progress, Action begins, CancellationToken ct) => null;

    /// <summary>Takes what a person should know: records that were passed over.</summary>
    public Action<string> Note { get; set; } = _ => { };

    /// <summary>Where the order stands.</summary>
    protected abstract IReadOnlyList<long> Order { get; set; }

    /// <summary>Everything it takes to go on with the same batches.</summary>
    public byte[] GetState()
    {
        var order = Order;
        var bytes = new byte[order.Count * sizeof(long)];
        for (var k = 0; k < order.Count; k++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(k * sizeof(long)), order[k]);
        }
        return bytes;
    }

    /// <summary>Goes on where <see cref="GetState"/> was called.</summary>
    public void SetState(byte[] state)
    {
        var order = new long[state.Length / sizeof(long)];
        for (var k = 0; k < order.Length; k++)
        {
            order[k] = BinaryPrimitives.ReadInt64LittleEndian(state.AsSpan(k * sizeof(long)));
        }
        Order = order;
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    private sealed class SwissRollData(SwissRollSpec spec, long seed, Device device) : TrainingData
    {
        private readonly HostRandom _random = new((ulong)seed, stream: 4);

        protected override IReadOnlyList<long> Order
        {
            get => _random.State;
            set => _random.State = value;
        }

        public override (Tensor Samples, Tensor? Labels) Next(int batch) =>
            (HostTransfer.Of(SwissRoll.Draw(_random, batch, spec.Noise), [batch, 2], device), null);

        public override void Dispose() { }
    }

    private sealed class FashionMnistData : TrainingData
    {
        private readonly Tensor _images; // bytes [N,1,32,32]
        private readonly Tensor? _classes; // one-hot [N,10]
        private readonly FashionMnistSpec _spec;
        private readonly EpochSampler _sampler;
        private readonly Device _device;
        private readonly DataReceipt _receipt;

        internal FashionMnistData(FashionMnistSpec spec, long seed, Device device)
        {
            (_spec, _device) = (spec, device);
            var raw = FashionMnist.Load();
            _images = Tensors.Of(raw.Images, [raw.Count, 1, FashionMnist.Side, FashionMnist.Side], device).DetachFromDisposeScope();
            if (spec.Conditional)
            {
                using var labels = Tensors.Of(Array.ConvertAll(raw.Labels, l => (long)l), [raw.Count], device);
                _classes = HostTransfer.OneHot(labels, FashionMnist.ClassNames.Count).DetachFromDisposeScope();
            }
            _sampler = new EpochSampler(raw.Count, (ulong)seed);
            _receipt = raw.Receipt();
        }

        public override DataReceipt Identify(string cache, Action<CheckProgress> progress, Action begins, CancellationToken ct) => _receipt;

        protected override IReadOnlyList<long> Order
        {
            get => _sampler.State;
            set => _sampler.State = value;
        }

        public override (Tensor Samples, Tensor? Labels) Next(int batch)
        {
            var (indices, flips) = (new int[batch], new bool[batch]);
            _sampler.Next(indices, flips);
            var rows = HostTransfer.Of(Array.ConvertAll(indices, k => (long)k), [batch], _device);
            var x = _images.index_select(0, rows).to(ScalarType.Float32).Over(127.5).Minus(1);
            if (_spec.HorizontalFlips)
            {
                x = torch.where(HostTransfer.Of(flips, [batch, 1, 1, 1], _device), x.flip(3), x);
            }
            return (x, _classes?.index_select(0, rows));
        }

        public override void Dispose()
        {
            _images.Dispose();
            _classes?.Dispose();
        }
    }
}
