using System.Runtime.ExceptionServices;
using SmtWeb.Torch.Interop;

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

    private static readonly Lock Turn = new();
    private static readonly Lazy<Companion> Other = new(() => new Companion());

    /// <summary>
    /// Whether rows are split. Each half then runs on <see cref="torch.Threads"/> threads: halve that, or four threads
    /// share two cores. A setting of the calling thread, as that is.
    /// </summary>
    public static bool Enabled
    {
        get => enabled;
        set => enabled = value;
    }

    /// <summary>Whether <see cref="Run"/> would split rows like these, here and now.</summary>
    public static bool Splits(Tensor rows) => Enabled && rows.Size(0) >= FewestRows && rows.Device.Type == DeviceType.Cpu && !Companion.IsCurrent;

    /// <summary>
    /// <paramref name="network"/> of <paramref name="inputs"/>, each [N,…] or null; row k of its result must depend on
    /// row k of the inputs alone. Splits where <see cref="Splits"/> says so. <paramref name="parameters"/> are the leaves that the network may give gradients to.
    /// </summary>
    public static Tensor Run(IReadOnlyList<Parameter> parameters, Tensor?[] inputs, Func<Tensor?[], Tensor> network)
    {
        var first = inputs[0]!;
        var rows = first.Size(0);
        if (!Splits(first)) return network(inputs);
        lock (Turn)
        {
            var history = GradMode.IsEnabled;
            var middle = (rows + 1) / 2;
            Tensor?[] upper = Half(inputs, 0, middle), lower = Half(inputs, middle, rows - middle);
            Tensor? top = null, bottom = null;
            try
            {
                Other.Value.Start(torch.Threads, () => bottom = Alone(network, lower, history));
                try
                {
                    top = Alone(network, upper, history);
                }
                finally
                {
                    Other.Value.Wait();
                }
                return Join(top, bottom!, inputs, upper, lower, parameters);
            }
            finally
            {
                top?.Dispose();
                bottom?.Dispose();
            }
        }
    }

    // the rows of each input, cut off from its history: the joined result leads back to it
    private static Tensor?[] Half(Tensor?[] inputs, long from, long count) => Array.ConvertAll(inputs, x =>
    {
        if (x is null) return null;
        var half = x.narrow(0, from, count).detach();
        if (GradMode.IsEnabled && x.RequiresGrad) half.RequiresGrad = true;
        return half;
    });

    private static Tensor Alone(Func<Tensor?[], Tensor> network, Tensor?[] inputs, bool history)
    {
        using var scope = torch.NewDisposeScope();
        using var mode = new GradMode(history);
        return network(inputs).DetachFromScope();
    }

    private static unsafe Tensor Join(Tensor top, Tensor bottom, Tensor?[] inputs, Tensor?[] upper, Tensor?[] lower, IReadOnlyList<Parameter> parameters)
    {
        var m = inputs.Length;
        Span<nint> results = [top.Raw, bottom.Raw];
        Span<nint> originals = stackalloc nint[m], halves = stackalloc nint[2 * m];
        for (var k = 0; k < m; k++)
            (originals[k], halves[k], halves[m + k]) = (inputs[k]?.Raw ?? 0, upper[k]?.Raw ?? 0, lower[k]?.Raw ?? 0);
        var leaves = new nint[parameters.Count];
        for (var k = 0; k < leaves.Length; k++) leaves[k] = parameters[k].Value.Raw;
        nint joined;
        fixed (nint* r = results) fixed (nint* o = originals) fixed (nint* h = halves) fixed (nint* p = leaves)
            joined = Native.Check(Native.smt_join_rows(r, o, h, m, p, leaves.Length), "join rows");
        GC.KeepAlive(inputs);
        GC.KeepAlive(upper);
        GC.KeepAlive(lower);
        GC.KeepAlive(parameters);
        return new Tensor(joined);
    }

    /// <summary>A thread that does one thing at a time, for as long as the process lives.</summary>
    private sealed class Companion
    {
        [ThreadStatic] private static bool isCompanion;

        private readonly SemaphoreSlim wake = new(0), done = new(0);
        private Action work = () => { };
        private int threads;
        private ExceptionDispatchInfo? failure;

        internal Companion() => new Thread(Live) { IsBackground = true, Name = "second half of the rows" }.Start();

        /// <summary>Whether this thread is one: what it runs is a half already.</summary>
        internal static bool IsCurrent => isCompanion;

        internal void Start(int share, Action action)
        {
            (work, threads, failure) = (action, share, null);
            wake.Release();
        }

        internal void Wait()
        {
            done.Wait();
            failure?.Throw();
        }

        private void Live()
        {
            isCompanion = true;
            while (true)
            {
                wake.Wait();
                try
                {
                    Native.Check(Native.smt_set_thread_share(threads), "threads");
                    work();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
                done.Release();
            }
        }
    }
}
