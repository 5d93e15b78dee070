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

    [ThreadStatic]
    private static bool _enabled;

    /// <summary>
    /// Whether rows are split. Each half then runs on <see cref="TorchRuntime.Threads"/> threads: halve that, or four threads
    /// share two cores. A setting of the calling thread, as that is.
    /// </summary>
    public static bool Enabled
    {
        get => _enabled;
        set => _enabled = value;
    }

    /// <summary>Whether <see cref="Run"/> would split rows like these, here and now.</summary>
    public static bool Splits(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Enabled && !Companion.IsCurrent && rows.shape[0] >= FewestRows && rows.device_type == DeviceType.CPU;
    }

    /// <summary>
    /// <paramref name="network"/> of <paramref name="inputs"/>, each [N,…] or null; row k of its result must depend on
    /// row k of the inputs alone. Splits where <see cref="Splits"/> says so. <paramref name="parameters"/> are the leaves that the network
    /// may give gradients to.
    /// </summary>
    public static Tensor Run(IReadOnlyList<Tensor> parameters, Tensor?[] inputs, Func<Tensor?[], Tensor> network)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(network);
        var first = inputs[0]!;
        if (!Splits(first))
        {
            return network(inputs);
        }
        var rows = first.shape[0];
        var history = is_grad_enabled();
        var middle = (rows + 1) / 2;
        using var scope = NewDisposeScope();
        Tensor?[] upper = Half(inputs, 0, middle, history),
            lower = Half(inputs, middle, rows - middle, history);
        Tensor? top = null,
            bottom = null;
        try
        {
            Companion.Both(() => top = Alone(network, upper, history), () => bottom = Alone(network, lower, history));
            return JoinRows.Apply(top!, bottom!, inputs, upper, lower, parameters).MoveToOuterDisposeScope();
        }
        finally
        {
            top?.Dispose();
            bottom?.Dispose();
        }
    }

    // the rows of each input, cut off from its history: the joined result leads back to it
    private static Tensor?[] Half(Tensor?[] inputs, long from, long count, bool history)
    {
        using var none = no_grad();
        return Array.ConvertAll(
            inputs,
            x =>
            {
                if (x is null)
                {
                    return null;
                }
                var half = x.narrow(0, from, count).detach();
                if (history && x.requires_grad)
                {
                    half.requires_grad = true;
                }
                return half;
            }
        );
    }

    private static Tensor Alone(Func<Tensor?[], Tensor> network, Tensor?[] inputs, bool history)
    {
        using var scope = NewDisposeScope();
        using var mode = set_grad_enabled(history);
        return network(inputs).DetachFromDisposeScope();
    }
}
