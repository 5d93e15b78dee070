namespace SmtWeb.Torch;

/// <summary>
/// A part of a network that owns its parameters, buffers and sub-modules. Registration order is the order of the state
/// dict, as in PyTorch: own parameters, own buffers, then sub-modules.
/// </summary>
public abstract class Module : IDisposable
{
    private readonly List<Parameter> parameters = [];
    private readonly List<(string Name, Tensor Value)> buffers = [];
    private readonly List<(string Name, Module Module)> modules = [];
    private bool training = true;

    /// <summary>True while dropout and the like are active.</summary>
    public bool Training
    {
        get => training;
        set
        {
            training = value;
            foreach (var (_, m) in modules) m.Training = value;
        }
    }

    /// <summary>Makes <paramref name="value"/> a parameter of this module.</summary>
    protected Parameter Register(string name, Tensor value)
    {
        var p = new Parameter(name, value);
        parameters.Add(p);
        return p;
    }

    /// <summary>Makes <paramref name="value"/> a constant of this module that is stored with its weights.</summary>
    protected Tensor RegisterBuffer(string name, Tensor value)
    {
        buffers.Add((name, value.DetachFromScope()));
        return value;
    }

    /// <summary>Makes <paramref name="module"/> a part of this module.</summary>
    protected T Register<T>(string name, T module) where T : Module
    {
        modules.Add((name, module));
        return module;
    }

    /// <summary>All parameters with dotted names, in order.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> NamedParameters(string prefix = "")
    {
        foreach (var p in parameters) yield return (prefix + p.Name, p);
        foreach (var (name, m) in modules)
            foreach (var p in m.NamedParameters($"{prefix}{name}.")) yield return p;
    }

    /// <summary>Parameters and buffers with dotted names, in the order of PyTorch's state dict.</summary>
    public IEnumerable<(string Name, Tensor Value)> StateDict(string prefix = "")
    {
        foreach (var p in parameters) yield return (prefix + p.Name, p.Value);
        foreach (var (name, value) in buffers) yield return (prefix + name, value);
        foreach (var (name, m) in modules)
            foreach (var entry in m.StateDict($"{prefix}{name}.")) yield return entry;
    }

    /// <summary>
    /// Copies values in by name. Every entry must be there with its shape, and nothing else may be there.
    /// </summary>
    /// <exception cref="InvalidDataException">Names the first missing, superfluous or misshapen tensors.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> values, string prefix = "")
    {
        var mine = StateDict(prefix).ToList();
        var problems = new List<string>();
        foreach (var (name, target) in mine)
        {
            if (!values.TryGetValue(name, out var source)) problems.Add($"{name} is missing");
            else if (!source.Shape.AsSpan().SequenceEqual(target.Shape))
                problems.Add($"{name} has shape [{string.Join(',', source.Shape)}], the network wants [{string.Join(',', target.Shape)}]");
        }
        var known = mine.Select(e => e.Name).ToHashSet();
        problems.AddRange(values.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && !known.Contains(k)).Select(k => $"{k} is not in the network"));
        if (problems.Count > 0)
            throw new InvalidDataException($"The weights belong to another network: {string.Join("; ", problems.Take(5))}{(problems.Count > 5 ? $"; and {problems.Count - 5} more" : "")}.");
        using var _ = torch.no_grad();
        foreach (var (name, target) in mine) target.copy_(values[name]);
    }

    /// <summary>Copies all values of a module with the same entries.</summary>
    public void CopyFrom(Module other)
    {
        using var _ = torch.no_grad();
        var theirs = other.StateDict().ToDictionary(e => e.Name, e => e.Value);
        foreach (var (name, target) in StateDict()) target.copy_(theirs[name]);
    }

    /// <summary>Switches gradient recording of all parameters; a frozen network costs no weight gradients.</summary>
    public void RequireGrad(bool value)
    {
        foreach (var (_, p) in NamedParameters()) p.Value.RequiresGrad = value;
    }

    /// <summary>Number of learnable values.</summary>
    public long ParameterCount => NamedParameters().Sum(p => p.Parameter.Value.Count);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var p in parameters) p.Dispose();
        foreach (var (_, b) in buffers) b.Dispose();
        foreach (var (_, m) in modules) m.Dispose();
        GC.SuppressFinalize(this);
    }
}
