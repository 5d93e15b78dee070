using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>The whole state of a generator as bytes, to be stored with a checkpoint.</summary>
public static class GeneratorState
{
    /// <summary>The state now.</summary>
    public static byte[] Get(Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        using var state = generator.get_state();
        return state.Memory().ToArray();
    }

    /// <summary>Goes on exactly where <see cref="Get"/> was called.</summary>
    public static void Set(Generator generator, ReadOnlySpan<byte> state)
    {
        ArgumentNullException.ThrowIfNull(generator);
        using var tensor = Tensors.Of(state, [state.Length]);
        generator.set_state(tensor);
    }
}
