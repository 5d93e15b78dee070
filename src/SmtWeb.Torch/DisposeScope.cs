namespace SmtWeb.Torch;

/// <summary>
/// Frees every tensor made on this thread since it was opened, except those moved out. Open one with
/// <see cref="torch.NewDisposeScope"/> around each step: <c>using var scope = torch.NewDisposeScope();</c>
/// </summary>
public ref struct DisposeScope
{
    [ThreadStatic] private static Stack<List<Tensor>>? open;
    [ThreadStatic] private static Stack<List<Tensor>>? spare;

    private readonly List<Tensor> mine;
    private bool disposed;

    internal DisposeScope(bool _)
    {
        open ??= new();
        spare ??= new();
        mine = spare.Count > 0 ? spare.Pop() : new(256);
        open.Push(mine);
    }

    internal static void Track(Tensor t)
    {
        if (open is { Count: > 0 }) open.Peek().Add(t);
    }

    /// <summary>Hands a tensor of this scope to the scope around it (or to the caller, where there is none).</summary>
    public readonly Tensor MoveToOuter(Tensor t)
    {
        Remove(mine, t);
        // this scope is the innermost one: its list is on top, the next below is the outer one
        if (open!.Count > 1)
        {
            open.Pop();
            open.Peek().Add(t);
            open.Push(mine);
        }
        return t;
    }

    /// <summary>Takes a tensor out of the innermost scope: its owner (a module, a field) frees it.</summary>
    internal static Tensor Release(Tensor t)
    {
        if (open is not null)
            foreach (var list in open)
                if (Remove(list, t)) break;
        return t;
    }

    private static bool Remove(List<Tensor> list, Tensor t)
    {
        for (var k = list.Count - 1; k >= 0; k--)
            if (ReferenceEquals(list[k], t))
            {
                list.RemoveAt(k);
                return true;
            }
        return false;
    }

    /// <summary>Frees what is left.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        if (!ReferenceEquals(open!.Peek(), mine)) throw new InvalidOperationException("Dispose scopes must be closed innermost first.");
        open.Pop();
        foreach (var t in mine) t.Dispose();
        mine.Clear();
        spare!.Push(mine);
    }
}
