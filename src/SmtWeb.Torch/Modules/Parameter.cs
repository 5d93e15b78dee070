namespace SmtWeb.Torch;

/// <summary>
/// A learnable tensor with a name. <see cref="Value"/> may be replaced (by a view into a flat buffer, say), so modules
/// read it at every call.
/// </summary>
public sealed class Parameter : IDisposable
{
    private Tensor value;

    internal Parameter(string name, Tensor value)
    {
        Name = name;
        this.value = value.DetachFromScope();
        this.value.RequiresGrad = true;
    }

    /// <summary>Name within its module.</summary>
    public string Name { get; }

    /// <summary>The leaf tensor.</summary>
    public Tensor Value => value;

    /// <summary>Replaces the leaf and frees the old one.</summary>
    internal void Replace(Tensor leaf)
    {
        value.Dispose();
        value = leaf.DetachFromScope();
    }

    /// <inheritdoc/>
    public void Dispose() => value.Dispose();
}
