using System.Globalization;
using System.Numerics;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Pickle;

/// <summary>What surrounds a pickle: how its persistent ids are resolved, and the names it may use.</summary>
internal sealed record PickleSurroundings
{
    /// <summary>Named in messages: the path of streams, as in <c>torch.storage._load_from_bytes -&gt; </c>.</summary>
    public string Path { get; init; } = "";

    /// <summary>The storage of a persistent id; null where a pickle may have none.</summary>
    public Func<PickleTuple, TorchStorage>? Persistent { get; init; }

    /// <summary>Whether classes of TorchScript are allowed.</summary>
    public bool Script { get; init; }
}

/// <summary>
/// Our own reader of Python pickles (protocols 0 to 5). It is a stack machine without recursion that builds plain data:
/// a name is looked up in <see cref="PickleNames"/> and stands for a rule in <see cref="PickleCalls"/>; nothing of Python
/// exists here that could run. Opcodes that reach beyond (extension registry, out-of-band buffers) are refused.
/// </summary>
internal sealed partial class Unpickler
{
    private readonly PickleCursor _cursor;
    private readonly PickleBudget _budget;
    private readonly PickleSurroundings _surroundings;
    private readonly ByteSource _source;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly PickleCalls _calls;
    private byte _opcode;
    private long _at;

    private Unpickler(ByteSource source, long start, PickleBudget budget, PickleSurroundings surroundings)
    {
        (_source, _budget, _surroundings) = (source, budget, surroundings);
        _cursor = new PickleCursor(source, start);
        _calls = new PickleCalls(budget, surroundings);
    }

    /// <summary>Reads one pickle; <paramref name="end"/> is the position after its STOP.</summary>
    /// <exception cref="WeightsException">The pickle is damaged, costs too much or uses a name that is not allowed.</exception>
    public static object? Load(ByteSource source, long start, PickleBudget budget, PickleSurroundings surroundings, out long end)
    {
        var reader = new Unpickler(source, start, budget, surroundings);
        var value = reader.Run();
        end = reader._cursor.Position;
        return value;
    }

    private object? Run()
    {
        for (; ; )
        {
            _budget.Opcode();
            _at = _cursor.Position;
            _opcode = _cursor.Byte();
            if (_opcode == '.')
            {
                return Pop();
            }
            if (!Constant() && !Container() && !Reference())
            {
                throw new WeightsException(
                    $"{_surroundings.Path}Opcode 0x{_opcode:X2} at byte {_at} does not exist or is not allowed in a file of weights."
                );
            }
        }
    }

    private PickleGlobal Name(string module, string name)
    {
        var full = PickleNames.Spell(module, name);
        if (PickleNames.Find(full, _surroundings.Script) is { } known)
        {
            return known;
        }
        throw new WeightsException(PickleScan.Refusal(_source, _surroundings, full, _cursor.Position));
    }

    private TorchStorage Persistent(object? id)
    {
        if (_surroundings.Persistent is null)
        {
            throw Bad("it has a persistent id, but nothing outside of it to refer to");
        }
        return id is PickleTuple tuple ? _surroundings.Persistent(tuple) : throw Bad("its persistent id is no tuple as PyTorch writes it");
    }

    private PickleGlobal Callable(object? value) =>
        value as PickleGlobal ?? throw Bad($"it calls {PickleCalls.Describe(value)}, which is no name");

    private PickleTuple Arguments(object? value) =>
        value as PickleTuple ?? throw Bad($"it calls with {PickleCalls.Describe(value)} in place of a tuple of arguments");

    private void PushInteger(string text)
    {
        // protocol 0 writes truth values as I01 and I00
        if (_opcode == 'I' && text is "00" or "01")
        {
            Push(text == "01");
        }
        else
        {
            Push(
                long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw Bad($"'{Show(text)}' is no 64-bit number")
            );
        }
    }

    private void PushLong(uint length)
    {
        if (length > 64)
        {
            throw Bad($"it has a number of {length} bytes; 64 are plenty");
        }
        Span<byte> bytes = stackalloc byte[(int)length];
        _cursor.Bytes(bytes);
        var number = new BigInteger(bytes);
        Push(number >= long.MinValue && number <= long.MaxValue ? (long)number : number);
    }

    private void PushText(string text)
    {
        _budget.Object(32 + (2L * text.Length));
        Push(text);
    }

    // Binary strings of Python 2 are texts or bytes; those that no text is as long as (pixels of CIFAR-10: 31 MB) stay in the file.
    private void PushBinary(ulong length)
    {
        if (length > PickleBudget.LongText)
        {
            PushBytes(length);
        }
        else
        {
            PushText(_cursor.Latin1(length));
        }
    }

    private void PushBytes(ulong length)
    {
        _budget.Object(96);
        Push(new PickleBytes(_cursor.Skip(length, "a bytes object")));
    }

    private PickleTuple Tuple(object?[] items)
    {
        _budget.Object(40 + (8L * items.Length));
        var tuple = new PickleTuple(items);
        foreach (var item in items)
        {
            Nest(tuple, item);
        }
        return tuple;
    }

    private T New<T>(T value)
        where T : PickleValue
    {
        _budget.Object(192);
        return value;
    }

    private PickleList Fill(PickleList list, object?[] items)
    {
        _budget.Object(16L * items.Length);
        foreach (var item in items)
        {
            Nest(list, item);
        }
        list.Items.AddRange(items);
        return list;
    }

    private PickleDict Fill(PickleDict dict, object?[] items)
    {
        if (items.Length % 2 != 0)
        {
            throw Bad("a dict has a key without a value");
        }
        _budget.Object(48L * items.Length);
        for (var k = 0; k < items.Length; k += 2)
        {
            Nest(dict, items[k + 1]);
            dict.Set(items[k], items[k + 1]);
        }

        return dict;
    }

    private void Nest(PickleValue outer, object? inner)
    {
        if (inner is not PickleValue value)
        {
            return;
        }
        outer.Depth = Math.Max(outer.Depth, value.Depth + 1);
        if (outer.Depth > PickleBudget.MaxDepth)
        {
            throw Bad($"it nests more than {PickleBudget.MaxDepth} deep");
        }
    }

    private void Remember(long index)
    {
        if (index < 0 || index > PickleBudget.MaxOpcodes)
        {
            throw Bad($"memo index {index} is out of range");
        }
        if (!_memo.ContainsKey(index))
        {
            _budget.Object(40);
        }
        _memo[index] = Peek();
    }

    private object? Recall(long index) =>
        _memo.TryGetValue(index, out var value) ? value : throw Bad($"it refers to memo entry {index}, which was never set");

    private long Index(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : throw Bad($"'{Show(text)}' is no memo index");

    private void Push(object? value)
    {
        if (_stack.Count >= PickleBudget.MaxStack)
        {
            throw Bad($"its stack grows beyond {PickleBudget.MaxStack} entries");
        }
        _budget.Object(value is long or double ? 24 : 0);
        _stack.Add(value);
    }

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private object? Pop()
    {
        if (_stack.Count <= Floor)
        {
            throw Underflow();
        }
        var value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    // What lies below the last mark belongs to the containers around it.
    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private object?[] PopMark()
    {
        if (_marks.Count == 0)
        {
            throw Bad("it closes a container that was never opened");
        }
        var from = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        var items = _stack.GetRange(from, _stack.Count - from).ToArray();
        _stack.RemoveRange(from, items.Length);
        return items;
    }

    private T Top<T>(string what)
        where T : PickleValue => Peek() as T ?? throw Bad($"it adds to {PickleCalls.Describe(Peek())} as if it were {what}");

    private string Unquote(string text) =>
        text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0] ? text[1..^1] : throw Bad("a string of protocol 0 has no quotes");

    private WeightsException Underflow() => Bad("it takes more from the stack than there is");

    private WeightsException Bad(string what) =>
        new($"{_surroundings.Path}The pickle is damaged or hostile at byte {_at} (opcode {PickleScan.Printable(_opcode)}): {what}.");

    private static string Show(string text) => PickleScan.Show(text);
}
