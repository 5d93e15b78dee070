using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SmtWeb.Benchmarks.Plain;

/// <summary>Settings of the plain network.</summary>
internal sealed record PlainSettings(
    long Channels,
    int Resolution,
    int ModelChannels,
    IReadOnlyList<int> Multipliers,
    int Blocks,
    IReadOnlyList<int> Attention,
    int Labels
);

/// <summary>
/// DDPM++ U-Net, written plainly in TorchSharp's modules: float32, contiguous, eager; resampling is the grouped convolution of the reference. With
/// <c>amortized</c> the α embedding joins the conditioning. Weights are named as in EDM's checkpoints.
/// </summary>
internal sealed class PlainNetwork : nn.Module
{
    private readonly int modelChannels,
        labels;
    private readonly bool amortized;
    private readonly Linear? map_label;
    private readonly Linear map_layer0,
        map_layer1;
    private readonly Named enc = new(),
        dec = new();

    internal PlainNetwork(PlainSettings s, bool amortized)
        : base(nameof(PlainNetwork))
    {
        (modelChannels, labels, this.amortized) = (s.ModelChannels, s.Labels, amortized);
        var width = 4L * s.ModelChannels;
        if (labels > 0)
        {
            map_label = nn.Linear(labels, s.ModelChannels);
        }
        map_layer0 = nn.Linear(s.ModelChannels * (amortized ? 2 : 1), width);
        map_layer1 = nn.Linear(width, width);
        long current = s.ModelChannels;
        var skips = new Stack<long>([current]);
        var size = s.Resolution;
        for (var level = 0; level < s.Multipliers.Count; level++)
        {
            size = s.Resolution >> level;
            if (level == 0)
            {
                enc.Add($"{size}x{size}_conv", new Resampled(s.Channels, current, 3));
            }
            else
            {
                enc.Add($"{size}x{size}_down", new PlainBlock(current, current, width, down: true));
                skips.Push(current);
            }
            for (var i = 0; i < s.Blocks; i++)
            {
                var outputs = (long)s.ModelChannels * s.Multipliers[level];
                enc.Add($"{size}x{size}_block{i}", new PlainBlock(current, outputs, width, attention: s.Attention.Contains(size)));
                skips.Push(current = outputs);
            }
        }
        (BottleneckChannels, BottleneckSide) = (current, size);
        for (var level = s.Multipliers.Count - 1; level >= 0; level--)
        {
            size = s.Resolution >> level;
            if (level == s.Multipliers.Count - 1)
            {
                dec.Add($"{size}x{size}_in0", new PlainBlock(current, current, width, attention: true));
                dec.Add($"{size}x{size}_in1", new PlainBlock(current, current, width));
            }
            else
            {
                dec.Add($"{size}x{size}_up", new PlainBlock(current, current, width, up: true));
            }
            for (var i = 0; i <= s.Blocks; i++)
            {
                var outputs = (long)s.ModelChannels * s.Multipliers[level];
                dec.Add(
                    $"{size}x{size}_block{i}",
                    new PlainBlock(current + skips.Pop(), outputs, width, attention: i == s.Blocks && s.Attention.Contains(size))
                );
                current = outputs;
            }
        }
        dec.Add($"{size}x{size}_aux_norm", PlainBlock.Norm(current));
        dec.Add($"{size}x{size}_aux_conv", new Resampled(current, s.Channels, 3));
        RegisterComponents();
    }

    internal long BottleneckChannels { get; }

    internal int BottleneckSide { get; }

    internal Tensor Forward(Tensor x, Tensor noise, Tensor? oneHot, Tensor? alpha, bool bottleneck)
    {
        var embedding = Embed(noise, oneHot, alpha);
        var skips = new Stack<Tensor>();
        foreach (var (_, module) in enc.Parts)
        {
            x = module is PlainBlock block ? block.call(x, embedding) : ((Resampled)module).call(x);
            skips.Push(x);
        }
        if (bottleneck)
        {
            return x;
        }
        foreach (var (name, module) in dec.Parts)
        {
            x = module switch
            {
                PlainBlock block => block.call(name.Contains("_block", StringComparison.Ordinal) ? cat([x, skips.Pop()], 1) : x, embedding),
                GroupNorm norm => F.silu(norm.call(x)),
                _ => ((Resampled)module).call(x),
            };
        }
        return x;
    }

    private Tensor Embed(Tensor noise, Tensor? oneHot, Tensor? alpha)
    {
        var halves = Positional(noise).chunk(2, 1);
        var e = cat([halves[1], halves[0]], 1); // DDPM++ has the sines first
        if (map_label is not null)
        {
            e = e + map_label.call(oneHot! * Math.Sqrt(labels));
        }
        if (amortized)
        {
            e = cat([e, Positional(alpha! - 0.5)], 1);
        }
        return F.silu(map_layer1.call(F.silu(map_layer0.call(e))));
    }

    private Tensor Positional(Tensor x)
    {
        var half = modelChannels / 2;
        var frequencies = pow(tensor(1e-4), arange(half, dtype: get_default_dtype()) / (half - 1));
        var phases = x.outer(frequencies);
        return cat([phases.cos(), phases.sin()], 1);
    }

    private sealed class Named : nn.Module
    {
        internal Named()
            : base(nameof(Named)) { }

        internal List<(string Name, nn.Module Module)> Parts { get; } = [];

        internal void Add(string name, nn.Module module)
        {
            register_module(name, module);
            Parts.Add((name, module));
        }
    }
}

/// <summary>EDM preconditioning around the network.</summary>
internal sealed class PlainDenoiser : nn.Module
{
    internal const double SigmaData = 0.5;

    private readonly PlainNetwork model;

    internal PlainDenoiser(PlainSettings settings, bool amortized)
        : base(nameof(PlainDenoiser))
    {
        model = new PlainNetwork(settings, amortized);
        RegisterComponents();
    }

    internal PlainNetwork Model => model;

    internal Tensor Forward(Tensor x, Tensor sigma, Tensor? oneHot = null, Tensor? alpha = null, bool bottleneck = false)
    {
        var s = sigma.view(-1, 1, 1, 1);
        var c_in = 1 / (SigmaData * SigmaData + s.square()).sqrt();
        var output = model.Forward(c_in * x, sigma.log() / 4, oneHot, alpha, bottleneck);
        if (bottleneck)
        {
            return output;
        }
        var c_skip = SigmaData * SigmaData / (s.square() + SigmaData * SigmaData);
        return c_skip * x + s * SigmaData * c_in * output;
    }
}
