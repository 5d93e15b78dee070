using System.Text;
using SmtWeb.Data.Weights.Bytes;
using SmtWeb.Data.Weights.PyTorch;

namespace SmtWeb.Data.Weights.Pickle;

/// <summary>
/// What the opcodes that call something may do: for each <see cref="PickleMeaning"/> one rule that checks its arguments
/// and makes plain data.
/// </summary>
internal sealed class PickleCalls(PickleBudget budget, PickleSurroundings surroundings)
{
    private const int MaxDimensions = 64;

    /// <summary>REDUCE: <paramref name="callee"/>(*<paramref name="arguments"/>).</summary>
    public object? Reduce(PickleGlobal callee, PickleTuple arguments)
    {
        var a = arguments.Items;
        switch (callee.Meaning)
        {
            case PickleMeaning.OrderedDict or PickleMeaning.Dict:
                return Dict(callee, a);
            case PickleMeaning.Set:
                return Set(callee, a);
            case PickleMeaning.RebuildTensor:
                return Tensor(callee, a);
            case PickleMeaning.RebuildParameter:
                return Argument<TorchTensor>(callee, a, 0, "a tensor");
            case PickleMeaning.RebuildFromType:
                return Reduce(
                    Plain(callee, Argument<PickleGlobal>(callee, a, 0, "a name")),
                    Argument<PickleTuple>(callee, a, 2, "a tuple")
                );
            case PickleMeaning.LoadFromBytes:
                return LoadFromBytes(callee, a);
            case PickleMeaning.Size:
                return Argument<PickleTuple>(callee, a, 0, "a tuple");
            case PickleMeaning.Device:
                return a.Length > 0 && a[0] is string device ? device : throw Wrong(callee, a, 0, "a text");
            case PickleMeaning.NumpyScalar:
                return NumpyValues.Scalar(Argument<NumpyType>(callee, a, 0, "a numpy.dtype"), BytesOf(callee, a, 1));
            case PickleMeaning.NumpyType:
                return NumpyValues.Type(a.Length > 0 ? a[0] as string : null);
            case PickleMeaning.NumpyReconstruct:
                return Argument<PickleGlobal>(callee, a, 0, "numpy.ndarray").Meaning == PickleMeaning.NumpyArray
                    ? Charged(new NumpyArray(), 128)
                    : throw Wrong(callee, a, 0, "numpy.ndarray");
            case PickleMeaning.Encode:
                return Encode(callee, a);
            case PickleMeaning.Persistent:
                return Persistent(callee, a);
            case PickleMeaning.ElementType or PickleMeaning.NumpyArray or PickleMeaning.Class:
                throw new WeightsException(
                    $"{surroundings.Path}The file calls {callee.Name}(…), which stands for a type here and cannot be called."
                );
            default:
                throw new ArgumentOutOfRangeException(nameof(callee), callee.Meaning, "unknown meaning");
        }
    }

    /// <summary>NEWOBJ: an object of a class, without calling its constructor.</summary>
    public object New(PickleGlobal callee, PickleTuple arguments) =>
        callee.Meaning switch
        {
            PickleMeaning.Class => Charged(new PickleObject(callee.Name), 96),
            PickleMeaning.OrderedDict or PickleMeaning.Dict => Dict(callee, arguments.Items),
            _ => throw new WeightsException(
                $"{surroundings.Path}The file makes an object of {callee.Name}, which is no class that weights need."
            ),
        };

    /// <summary>BUILD: gives <paramref name="target"/> its state.</summary>
    public void Build(object? target, object? state)
    {
        switch (target)
        {
            case PickleObject { IsPersistent: false } o:
                // (state, slots) of classes with __slots__
                o.State =
                    (state is PickleTuple { Items: [PickleDict inner, _] } ? inner : state) as PickleDict
                    ?? throw new WeightsException($"{surroundings.Path}The state of {o.ClassName} is {Describe(state)}, expected a dict.");
                break;
            case PickleDict:
                // attributes of an OrderedDict, as PyTorch's _metadata: versions of modules, of no use here
                break;
            case NumpyType type:
                NumpyValues.BuildType(type, state as PickleTuple);
                break;
            case NumpyArray array:
                // text of Python 2 is copied into bytes, and one text may be given to many arrays
                if (state is PickleTuple { Items: [.., string text] })
                {
                    budget.Object(text.Length);
                }
                NumpyValues.BuildArray(array, state as PickleTuple);
                break;
            default:
                throw new WeightsException($"{surroundings.Path}The file sets the state of {Describe(target)}, which has none.");
        }
    }

    /// <summary>A value in a message, without its content.</summary>
    public static string Describe(object? value) =>
        value switch
        {
            null => "None",
            bool => "a truth value",
            long or System.Numerics.BigInteger => "a whole number",
            double => "a number",
            string text => $"the text '{PickleScan.Show(text)}'",
            PickleTuple => "a tuple",
            PickleList { IsSet: true } => "a set",
            PickleList => "a list",
            PickleDict => "a dict",
            PickleBytes => "bytes",
            PickleGlobal g => g.Name,
            PickleObject o => $"an object of {PickleScan.Show(o.ClassName)}",
            TorchStorage => "a storage",
            TorchTensor => "a tensor",
            NumpyType => "a numpy.dtype",
            NumpyArray => "a numpy.ndarray",
            _ => value.GetType().Name,
        };

    private PickleGlobal Plain(PickleGlobal callee, PickleGlobal inner) =>
        inner.Meaning is PickleMeaning.RebuildTensor or PickleMeaning.RebuildParameter
            ? inner
            : throw new WeightsException($"{surroundings.Path}The file calls {callee.Name} with {inner.Name}, which makes no tensor.");

    private PickleDict Dict(PickleGlobal callee, object?[] a)
    {
        var dict = Charged(new PickleDict(), 192);
        if (a.Length == 0)
        {
            return dict;
        }
        foreach (var pair in Argument<PickleList>(callee, a, 0, "a list of pairs").Items)
        {
            var (key, value) = pair switch
            {
                PickleTuple { Items: [var k, var v] } => (k, v),
                PickleList { Items: [var k, var v] } => (k, v),
                _ => throw Wrong(callee, a, 0, "a list of pairs"),
            };
            budget.Object(96);
            dict.Set(key, value);
        }

        return dict;
    }

    private PickleList Set(PickleGlobal callee, object?[] a)
    {
        var set = Charged(new PickleList { IsSet = true }, 96);
        if (a.Length == 0)
        {
            return set;
        }
        var items = a[0] is PickleTuple tuple ? tuple.Items : [.. Argument<PickleList>(callee, a, 0, "a list").Items];
        budget.Object(16L * items.Length);
        set.Items.AddRange(items);
        return set;
    }

    private TorchTensor Tensor(PickleGlobal callee, object?[] a)
    {
        var storage = Argument<TorchStorage>(callee, a, 0, "a storage");
        var offset = a.Length > 1 && a[1] is long number ? number : throw Wrong(callee, a, 1, "a whole number");
        var shape = Numbers(callee, a, 2);
        var strides = Numbers(callee, a, 3);
        string Shown() =>
            $"{surroundings.Path}A tensor of shape [{string.Join(",", shape)}] with strides [{string.Join(",", strides)}] at {offset}";

        if (shape.Length != strides.Length || shape.Length > MaxDimensions)
        {
            throw new WeightsException($"{Shown()} has {strides.Length} strides for {shape.Length} dimensions.");
        }
        if (offset < 0)
        {
            throw new WeightsException($"{Shown()} begins before its storage.");
        }
        if (shape.Any(s => s < 0))
        {
            throw new WeightsException($"{Shown()} has a negative side.");
        }
        if (strides.Any(s => s < 0))
        {
            throw new WeightsException($"{Shown()} has a negative stride, which PyTorch does not have either.");
        }

        if (!shape.Contains(0))
        {
            Int128 last = offset,
                count = 1;
            for (var k = 0; k < shape.Length; k++)
            {
                // each product is below 2^126, and both sums end at the first step beyond the storage
                last += (Int128)(shape[k] - 1) * strides[k];
                if (last >= storage.Elements)
                {
                    break;
                }
                count *= shape[k];
                if (count > long.MaxValue / 8)
                {
                    throw new WeightsException($"{Shown()} has more than 2^60 elements.");
                }
            }

            if (last >= storage.Elements)
            {
                throw new WeightsException($"{Shown()} reaches beyond its storage of {storage.Elements} elements.");
            }
            budget.Tensor((long)count * storage.Type.Size());
        }
        else if (offset > storage.Elements)
        {
            throw new WeightsException($"{Shown()} begins beyond its storage of {storage.Elements} elements.");
        }

        return Charged(new TorchTensor(storage, offset, shape, strides), 128 + (16 * shape.Length));
    }

    private TorchStorage LoadFromBytes(PickleGlobal callee, object?[] a)
    {
        var bytes = Argument<PickleBytes>(callee, a, 0, "bytes");
        if (++budget.NestedStreams > PickleBudget.MaxNestedStreams)
        {
            throw new WeightsException($"{surroundings.Path}Streams lie inside streams more than {PickleBudget.MaxNestedStreams} deep.");
        }
        var value = LegacyStream.Read(bytes.Source, budget, $"{surroundings.Path}{callee.Name} -> ");
        budget.NestedStreams--;
        return value as TorchStorage
            ?? throw new WeightsException(
                $"{surroundings.Path}The stream inside {callee.Name} holds {Describe(value)}, expected a storage."
            );
    }

    private PickleBytes Encode(PickleGlobal callee, object?[] a)
    {
        if (a is not [string text, string encoding] || encoding is not ("latin1" or "latin-1"))
        {
            throw new WeightsException($"{surroundings.Path}{callee.Name} is allowed for latin1 text only.");
        }
        if (text.Any(c => c > 255))
        {
            throw new WeightsException($"{surroundings.Path}{callee.Name} is given text that latin1 does not have.");
        }
        budget.Object(96 + text.Length);
        return new PickleBytes(new MemorySource(Encoding.Latin1.GetBytes(text)));
    }

    // The class's source text (module_src) stays where it is.
    private PickleObject Persistent(PickleGlobal callee, object?[] a)
    {
        var meta = Argument<PickleDict>(callee, a, 0, "a dict");
        if (meta["type"] as string != "class")
        {
            throw new WeightsException(
                $"{surroundings.Path}{callee.Name} is given the type {Describe(meta["type"])}; only 'class' is known."
            );
        }
        var name = meta["class_name"] as string ?? throw new WeightsException($"{surroundings.Path}{callee.Name} is given no class_name.");
        var state = meta["state"] as PickleDict ?? throw new WeightsException($"{surroundings.Path}{PickleScan.Show(name)} has no state.");
        return Charged(
            new PickleObject(name)
            {
                IsPersistent = true,
                State = state,
                Depth = state.Depth + 1,
            },
            96
        );
    }

    private ByteSource BytesOf(PickleGlobal callee, object?[] a, int k) => Argument<PickleBytes>(callee, a, k, "bytes").Source;

    private long[] Numbers(PickleGlobal callee, object?[] a, int k)
    {
        var items = Argument<PickleTuple>(callee, a, k, "a tuple of whole numbers").Items;
        return [.. items.Select(item => item is long number ? number : throw Wrong(callee, a, k, "a tuple of whole numbers"))];
    }

    private T Argument<T>(PickleGlobal callee, object?[] a, int k, string what)
        where T : PickleValue => a.Length > k && a[k] is T value ? value : throw Wrong(callee, a, k, what);

    private T Charged<T>(T value, int bytes)
    {
        budget.Object(bytes);
        return value;
    }

    private WeightsException Wrong(PickleGlobal callee, object?[] a, int k, string what) =>
        new(
            $"{surroundings.Path}{callee.Name} is called with {(a.Length > k ? Describe(a[k]) : "nothing")} as argument {k + 1}, "
                + $"expected {what}."
        );
}
