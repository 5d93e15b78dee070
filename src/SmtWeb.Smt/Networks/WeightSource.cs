namespace SmtWeb.Smt.Networks;

/// <summary>
/// Where the initial weights of a network come from, and where they live. <paramref name="Random"/> is on the CPU, as every
/// generator of TorchSharp is, so that a network starts from the same weights on every device; dropout on the CPU goes on with it.
/// </summary>
public sealed record WeightSource(Generator Random, Device Device)
{
    /// <summary>A network on the CPU.</summary>
    public static implicit operator WeightSource(Generator random) => new(random, torch.CPU);
}
