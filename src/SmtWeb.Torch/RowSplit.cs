using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// Takes the two halves of a batch through a network on two halves of the CPU's threads. A small network's operators are
/// too short to be worth several threads: these would spend their time meeting each other. The result knows its history
/// as any other tensor does, and its backward pass runs on the two halves as well.
/// </summary>
public static class RowSplit
{
    /// <summary>Fewer rows than this are not worth a second thread.</summary>
    public const int FewestRows = 16;

    [ThreadStatic] private static bool enabled;

    /// <summary>
    /// Whether rows are split. Each half then runs on <see cref="TorchRuntime.Threads"/> threads: halve that, or four threads
    /// share two cores. A setting of the calling thread, as that is.
    /// </summary>
    public static bool Enabled
    {
        get => enabled;
        set => enabled = value;
    }

    /// <summary>Whether <see cref="Run"/> would split rows like these, here and now.</summary>
    public static bool Splits(Tensor rows) => false;

    /// <summary>
    /// <paramref name="network"/> of <paramref name="inputs"/>, each [N,…] or null; row k of its result must depend on
    /// row k of the inputs alone. Splits where <see cref="Splits"/> says so. <paramref name="parameters"/> are the leaves that the network may give gradients to.
    /// </summary>
    public static Tensor Run(IReadOnlyList<Tensor> parameters, Tensor?[] inputs, Func<Tensor?[], Tensor> network) => network(inputs);
}
