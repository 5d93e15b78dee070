using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Data.Weights.PyTorch;

/// <summary>
/// The tensors of an object graph with dotted names: dicts by key, lists by index, modules in the order of PyTorch's
/// state_dict (parameters, stored buffers, sub-modules).
/// </summary>
internal sealed class TensorTree
{
    private const int MaxDepth = 64;
    private const int MaxVisits = 500_000;
    private const int MaxNameLength = 500;

    private readonly List<WeightTensor> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private int _visits;

    /// <exception cref="WeightsException">The graph is circular, too deep, too large, or gives a name twice.</exception>
    public static IReadOnlyList<WeightTensor> Collect(object? root)
    {
        var tree = new TensorTree();
        tree.Visit(root, "", 0);
        return tree._tensors;
    }

    private void Visit(object? value, string name, int depth)
    {
        if (++_visits > MaxVisits)
        {
            throw new WeightsException($"The objects of the file refer to one another in more than {MaxVisits} ways.");
        }
        if (depth > MaxDepth)
        {
            throw new WeightsException($"The objects of the file are nested more than {MaxDepth} deep, or in a circle.");
        }
        if (name.Length > MaxNameLength)
        {
            throw new WeightsException($"A tensor has a name of more than {MaxNameLength} characters.");
        }
        switch (value)
        {
            case TorchTensor tensor:
                if (!_names.Add(name))
                {
                    throw new WeightsException($"The file has two tensors of the name '{PickleScan.Show(name)}'.");
                }
                _tensors.Add(new WeightTensor(name, tensor));
                break;
            case NumpyArray { Bytes: not null } array when ToTensor(array) is { } tensor:
                Visit(tensor, name, depth);
                break;
            case PickleDict dict:
                Items(dict, name, depth);
                break;
            case PickleList { IsSet: false } list:
                for (var k = 0; k < list.Items.Count; k++)
                {
                    Visit(list.Items[k], Join(name, $"{k}"), depth + 1);
                }
                break;
            case PickleTuple tuple:
                for (var k = 0; k < tuple.Items.Length; k++)
                {
                    Visit(tuple.Items[k], Join(name, $"{k}"), depth + 1);
                }
                break;
            case PickleObject { State: { } state }:
                if (state.Has("_parameters") || state.Has("_modules"))
                {
                    Module(state, name, depth);
                }
                else
                {
                    Items(state, name, depth);
                }
                break;
        }
    }

    private void Module(PickleDict state, string name, int depth)
    {
        Visit(state["_parameters"] as PickleDict, name, depth + 1);
        var passing = (state["_non_persistent_buffers_set"] as PickleList)?.Items.OfType<string>().ToHashSet() ?? [];
        if (state["_buffers"] is PickleDict buffers)
        {
            foreach (var (key, value) in buffers.Items)
            {
                if (key is not string text || !passing.Contains(text))
                {
                    Visit(value, Join(name, key), depth + 1);
                }
            }
        }
        Visit(state["_modules"] as PickleDict, name, depth + 1);
    }

    private void Items(PickleDict dict, string name, int depth)
    {
        foreach (var (key, value) in dict.Items)
        {
            if (value is PickleValue)
            {
                Visit(value, Join(name, key), depth + 1);
            }
        }
    }

    private static string Join(string prefix, object? key)
    {
        var part = key switch
        {
            string text when text.Length > 0 && !text.Any(char.IsControl) => text,
            long number => number.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => throw new WeightsException($"A tensor is stored under {PickleCalls.Describe(key)}, which is no name."),
        };
        return prefix.Length == 0 ? part : $"{prefix}.{part}";
    }

    private static TorchTensor? ToTensor(NumpyArray array)
    {
        SafetensorsType? type = array.Type?.Code switch
        {
            "f8" => SafetensorsType.F64,
            "f4" => SafetensorsType.F32,
            "f2" => SafetensorsType.F16,
            "i8" => SafetensorsType.I64,
            "i4" => SafetensorsType.I32,
            "i2" => SafetensorsType.I16,
            "i1" => SafetensorsType.I8,
            "u1" => SafetensorsType.U8,
            "b1" => SafetensorsType.BOOL,
            _ => null,
        };
        if (type is null || array.Type!.BigEndian)
        {
            return null;
        }
        var strides = new long[array.Shape.Length];
        long step = 1;
        for (var k = 0; k < strides.Length; k++)
        {
            var axis = array.FortranOrder ? k : strides.Length - 1 - k;
            strides[axis] = step;
            step *= Math.Max(1, array.Shape[axis]);
        }

        return new TorchTensor(
            new TorchStorage(type.Value, array.Bytes!.Length / type.Value.Size(), () => array.Bytes),
            0,
            array.Shape,
            strides
        );
    }
}
