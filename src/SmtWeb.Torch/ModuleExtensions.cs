using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// What modules of a network are asked for beyond TorchSharp's own: state in PyTorch's order, loading that names what differs.
/// </summary>
public static class ModuleExtensions
{
    // Switched twice a step: TorchSharp makes dictionaries to find the parameters of a module.
    private static readonly ConditionalWeakTable<nn.Module, Parameter[]> Learnables = [];

    /// <summary>
    /// Parameters and buffers with dotted names, in the order of PyTorch's state dict: own parameters, own buffers, then sub-modules.
    /// TorchSharp's <c>state_dict</c> has all parameters before all buffers.
    /// </summary>
    public static IEnumerable<(string Name, Tensor Value)> StateEntries(this nn.Module module, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(module);
        return Entries(module, prefix, new HashSet<object>(ReferenceEqualityComparer.Instance));
    }

    /// <summary>All parameters with dotted names, in order.</summary>
    public static IEnumerable<(string Name, Parameter Parameter)> ParameterEntries(this nn.Module module, string prefix = "") =>
        module.StateEntries(prefix).Where(e => e.Value is Parameter).Select(e => (e.Name, (Parameter)e.Value));

    /// <summary>
    /// Copies values in by name. Every entry must be there with its shape, and nothing else may be there.
    /// </summary>
    /// <exception cref="InvalidDataException">Names the first missing, superfluous or misshapen tensors.</exception>
    public static void LoadValues(this nn.Module module, IReadOnlyDictionary<string, Tensor> values, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(values);
        var mine = module.StateEntries(prefix).ToList();
        var problems = new List<string>();
        foreach (var (name, target) in mine)
        {
            if (!values.TryGetValue(name, out var source))
            {
                problems.Add($"{name} is missing");
            }
            else if (!source.shape.AsSpan().SequenceEqual(target.shape))
            {
                problems.Add($"{name} has shape [{string.Join(',', source.shape)}], the network wants [{string.Join(',', target.shape)}]");
            }
        }
        var known = mine.Select(e => e.Name).ToHashSet();
        problems.AddRange(
            values
                .Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && !known.Contains(k))
                .Select(k => $"{k} is not in the network")
        );
        if (problems.Count > 0)
        {
            throw new InvalidDataException(
                "The weights belong to another network: "
                    + $"{string.Join("; ", problems.Take(5))}{(problems.Count > 5 ? $"; and {problems.Count - 5} more" : "")}."
            );
        }
        using var none = no_grad();
        foreach (var (name, target) in mine)
        {
            target.copy_(values[name]);
        }
    }

    /// <summary>Copies all values of a module with the same entries.</summary>
    public static void CopyFrom(this nn.Module module, nn.Module other)
    {
        using var none = no_grad();
        var theirs = other.StateEntries().ToDictionary(e => e.Name, e => e.Value);
        foreach (var (name, target) in module.StateEntries())
        {
            target.copy_(theirs[name]);
        }
    }

    /// <summary>
    /// Switches gradient recording of all parameters; a frozen network costs no weight gradients. The module is complete by then.
    /// </summary>
    public static void RequireGrad(this nn.Module module, bool value)
    {
        foreach (var p in Learnables.GetValue(module, static m => [.. m.ParameterEntries().Select(e => e.Parameter)]))
        {
            LibTorch.SetRequiresGrad(p.Handle, value);
        }
    }

    /// <summary>Number of learnable values.</summary>
    public static long ParameterCount(this nn.Module module) => module.ParameterEntries().Sum(p => p.Parameter.NumberOfElements);

    // A module that is a field and registered by name is met twice: what was seen is not told again.
    private static IEnumerable<(string, Tensor)> Entries(nn.Module module, string prefix, HashSet<object> seen)
    {
        if (!seen.Add(module))
        {
            yield break;
        }
        foreach (var (name, p) in module.named_parameters(recurse: false))
        {
            if (seen.Add(p))
            {
                yield return (prefix + name, p);
            }
        }
        foreach (var (name, b) in module.named_buffers(recurse: false))
        {
            if (seen.Add(b))
            {
                yield return (prefix + name, b);
            }
        }
        foreach (var (name, child) in module.named_children())
        {
            foreach (var entry in Entries(child, $"{prefix}{name}.", seen))
            {
                yield return entry;
            }
        }
    }
}
