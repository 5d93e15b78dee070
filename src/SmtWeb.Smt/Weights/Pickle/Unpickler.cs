using System.Globalization;
using System.Numerics;
using SmtWeb.Smt.Weights.Bytes;

namespace SmtWeb.Smt.Weights.Pickle;

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
internal sealed class Unpickler
{
    private readonly PickleCursor cursor;
    private readonly PickleBudget budget;
    private readonly PickleSurroundings surroundings;
    private readonly ByteSource source;
    private readonly List<object?> stack = [];
    private readonly List<int> marks = [];
    private readonly Dictionary<long, object?> memo = [];
    private readonly PickleCalls calls;
    private byte opcode;
    private long at;

    private Unpickler(ByteSource source, long start, PickleBudget budget, PickleSurroundings surroundings)
    {
        (this.source, this.budget, this.surroundings) = (source, budget, surroundings);
        cursor = new PickleCursor(source, start);
        calls = new PickleCalls(budget, surroundings);
    }

    /// <summary>Reads one pickle; <paramref name="end"/> is the position after its STOP.</summary>
    /// <exception cref="WeightsException">The pickle is damaged, costs too much or uses a name that is not allowed.</exception>
    public static object? Load(ByteSource source, long start, PickleBudget budget, PickleSurroundings surroundings, out long end)
    {
        var reader = new Unpickler(source, start, budget, surroundings);
        var value = reader.Run();
        end = reader.cursor.Position;
        return value;
    }

    private object? Run()
    {
        for (; ; )
        {
            budget.Opcode();
            at = cursor.Position;
            opcode = cursor.Byte();
            if (opcode == '.') return Pop();
            if (!Constant() && !Container() && !Reference())
                throw new WeightsException($"{surroundings.Path}Opcode 0x{opcode:X2} at byte {at} does not exist or is not allowed in a file of weights.");
        }
    }

    // numbers, strings, bytes
    private bool Constant()
    {
        switch (opcode)
        {
            case (byte)'N': Push(null); return true;
            case 0x88: Push(true); return true;
            case 0x89: Push(false); return true;
            case (byte)'K': Push((long)cursor.Byte()); return true;
            case (byte)'M': Push((long)cursor.UInt16()); return true;
            case (byte)'J': Push((long)(int)cursor.UInt32()); return true;
            case (byte)'G': Push(cursor.BigEndianDouble()); return true;
            case (byte)'I': PushInteger(cursor.Line()); return true;
            case (byte)'L': PushInteger(cursor.Line().TrimEnd('L')); return true;
            case (byte)'F':
                var text = cursor.Line();
                Push(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Bad($"'{Show(text)}' is no number"));
                return true;
            case 0x8a: PushLong(cursor.Byte()); return true;
            case 0x8b: PushLong(cursor.UInt32()); return true;
            case 0x8c: PushText(cursor.Text(cursor.Byte())); return true;
            case (byte)'X': PushText(cursor.Text(cursor.UInt32())); return true;
            case 0x8d: PushText(cursor.Text(cursor.UInt64())); return true;
            case (byte)'V': PushText(cursor.Line()); return true;
            case (byte)'S': PushText(Unquote(cursor.Line())); return true;
            case (byte)'U': PushText(cursor.Latin1(cursor.Byte())); return true;
            case (byte)'T': PushBinary(cursor.UInt32()); return true;
            case (byte)'C': PushBytes(cursor.Byte()); return true;
            case (byte)'B': PushBytes(cursor.UInt32()); return true;
            case 0x8e: PushBytes(cursor.UInt64()); return true;
            default: return false;
        }
    }

    // tuples, lists, dicts, sets
    private bool Container()
    {
        switch (opcode)
        {
            case (byte)'(':
                if (marks.Count >= PickleBudget.MaxMarks) throw Bad($"it opens more than {PickleBudget.MaxMarks} containers inside one another");
                marks.Add(stack.Count);
                return true;
            case (byte)')': Push(Tuple([])); return true;
            case (byte)'t': Push(Tuple(PopMark())); return true;
            case 0x85: Push(Tuple([Pop()])); return true;
            case 0x86: { var b = Pop(); var a = Pop(); Push(Tuple([a, b])); return true; }
            case 0x87: { var c = Pop(); var b = Pop(); var a = Pop(); Push(Tuple([a, b, c])); return true; }
            case (byte)']': Push(New(new PickleList())); return true;
            case (byte)'l': { var items = PopMark(); Push(Fill(New(new PickleList()), items)); return true; }
            case (byte)'a': { var item = Pop(); Fill(Top<PickleList>("a list"), [item]); return true; }
            case (byte)'e': { var items = PopMark(); Fill(Top<PickleList>("a list"), items); return true; }
            case (byte)'}': Push(New(new PickleDict())); return true;
            case (byte)'d': { var items = PopMark(); Push(Fill(New(new PickleDict()), items)); return true; }
            case (byte)'s': { var value = Pop(); var key = Pop(); Fill(Top<PickleDict>("a dict"), [key, value]); return true; }
            case (byte)'u': { var items = PopMark(); Fill(Top<PickleDict>("a dict"), items); return true; }
            case 0x8f: Push(New(new PickleList { IsSet = true })); return true;
            case 0x90: { var items = PopMark(); Fill(Top<PickleList>("a set"), items); return true; }
            case 0x91: { var items = PopMark(); Push(Fill(New(new PickleList { IsSet = true }), items)); return true; }
            default: return false;
        }
    }

    // memo, names, calls
    private bool Reference()
    {
        switch (opcode)
        {
            case 0x80:
                var protocol = cursor.Byte();
                if (protocol > 5) throw Bad($"protocol {protocol} is not known; 0 to 5 are");
                return true;
            case 0x95:
                // A frame only groups opcodes for buffering; its length must still be true.
                var frame = cursor.UInt64();
                if (frame > (ulong)(source.Length - cursor.Position)) throw Bad($"it announces a frame of {frame} bytes; only {source.Length - cursor.Position} are left");
                return true;
            case (byte)'0':
                if (marks.Count > 0 && marks[^1] == stack.Count) marks.RemoveAt(marks.Count - 1);
                else Pop();
                return true;
            case (byte)'1': PopMark(); return true;
            case (byte)'2': { var top = Pop(); Push(top); Push(top); return true; }
            case (byte)'p': Remember(Index(cursor.Line())); return true;
            case (byte)'q': Remember(cursor.Byte()); return true;
            case (byte)'r': Remember(cursor.UInt32()); return true;
            case 0x94: Remember(memo.Count); return true;
            case (byte)'g': Push(Recall(Index(cursor.Line()))); return true;
            case (byte)'h': Push(Recall(cursor.Byte())); return true;
            case (byte)'j': Push(Recall(cursor.UInt32())); return true;
            case (byte)'c': { var module = cursor.Line(); Push(Name(module, cursor.Line())); return true; }
            case 0x93:
                {
                    var name = Pop() as string;
                    var module = Pop() as string;
                    Push(module is null || name is null ? throw Bad("STACK_GLOBAL finds no two strings on the stack") : Name(module, name));
                    return true;
                }
            case (byte)'R': { var arguments = Pop(); Push(calls.Reduce(Callable(Pop()), Arguments(arguments))); return true; }
            case 0x81: { var arguments = Pop(); Push(calls.New(Callable(Pop()), Arguments(arguments))); return true; }
            case 0x92:
                {
                    var named = Pop() as PickleDict;
                    var arguments = Arguments(Pop());
                    if (named is not { Items.Count: 0 }) throw Bad("NEWOBJ_EX with named arguments is not used by files of weights");
                    Push(calls.New(Callable(Pop()), arguments));
                    return true;
                }
            case (byte)'i':
                {
                    var module = cursor.Line();
                    var name = Name(module, cursor.Line());
                    Push(calls.Reduce(name, Tuple(PopMark())));
                    return true;
                }
            case (byte)'o':
                {
                    var items = PopMark();
                    if (items.Length == 0) throw Bad("OBJ has no class");
                    Push(calls.Reduce(Callable(items[0]), Tuple(items[1..])));
                    return true;
                }
            case (byte)'b': { var state = Pop(); calls.Build(Peek(), state); return true; }
            case (byte)'Q': Push(Persistent(Pop())); return true;
            case (byte)'P': throw Bad($"it has the persistent id '{Show(cursor.Line())}', which no file of weights has");
            case 0x82 or 0x83 or 0x84: throw Bad("it calls the extension registry of Python (EXT opcodes), which is never allowed");
            default: return false;
        }
    }

    private PickleGlobal Name(string module, string name)
    {
        var full = PickleNames.Spell(module, name);
        if (PickleNames.Find(full, surroundings.Script) is { } known) return known;
        throw new WeightsException(PickleScan.Refusal(source, surroundings, full, cursor.Position));
    }

    private TorchStorage Persistent(object? id)
    {
        if (surroundings.Persistent is null) throw Bad("it has a persistent id, but nothing outside of it to refer to");
        return id is PickleTuple tuple ? surroundings.Persistent(tuple) : throw Bad("its persistent id is no tuple as PyTorch writes it");
    }

    private PickleGlobal Callable(object? value) =>
        value as PickleGlobal ?? throw Bad($"it calls {PickleCalls.Describe(value)}, which is no name");

    private PickleTuple Arguments(object? value) => value as PickleTuple ?? throw Bad($"it calls with {PickleCalls.Describe(value)} in place of a tuple of arguments");

    private void PushInteger(string text)
    {
        // protocol 0 writes truth values as I01 and I00
        if (opcode == 'I' && text is "00" or "01") Push(text == "01");
        else Push(long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Bad($"'{Show(text)}' is no 64-bit number"));
    }

    private void PushLong(uint length)
    {
        if (length > 64) throw Bad($"it has a number of {length} bytes; 64 are plenty");
        Span<byte> bytes = stackalloc byte[(int)length];
        cursor.Bytes(bytes);
        var number = new BigInteger(bytes);
        Push(number >= long.MinValue && number <= long.MaxValue ? (long)number : number);
    }

    private void PushText(string text)
    {
        budget.Object(32 + (2L * text.Length));
        Push(text);
    }

    // Binary strings of Python 2 are texts or bytes; those that no text is as long as (pixels of CIFAR-10: 31 MB) stay in the file.
    private void PushBinary(ulong length)
    {
        if (length > PickleBudget.LongText) PushBytes(length);
        else PushText(cursor.Latin1(length));
    }

    private void PushBytes(ulong length)
    {
        budget.Object(96);
        Push(new PickleBytes(cursor.Skip(length, "a bytes object")));
    }

    private PickleTuple Tuple(object?[] items)
    {
        budget.Object(40 + (8L * items.Length));
        var tuple = new PickleTuple(items);
        foreach (var item in items) Nest(tuple, item);
        return tuple;
    }

    private T New<T>(T value) where T : PickleValue
    {
        budget.Object(192);
        return value;
    }

    private PickleList Fill(PickleList list, object?[] items)
    {
        budget.Object(16L * items.Length);
        foreach (var item in items) Nest(list, item);
        list.Items.AddRange(items);
        return list;
    }

    private PickleDict Fill(PickleDict dict, object?[] items)
    {
        if (items.Length % 2 != 0) throw Bad("a dict has a key without a value");
        budget.Object(48L * items.Length);
        for (var k = 0; k < items.Length; k += 2)
        {
            Nest(dict, items[k + 1]);
            dict.Set(items[k], items[k + 1]);
        }

        return dict;
    }

    private void Nest(PickleValue outer, object? inner)
    {
        if (inner is not PickleValue value) return;
        outer.Depth = Math.Max(outer.Depth, value.Depth + 1);
        if (outer.Depth > PickleBudget.MaxDepth) throw Bad($"it nests more than {PickleBudget.MaxDepth} deep");
    }

    private void Remember(long index)
    {
        if (index < 0 || index > PickleBudget.MaxOpcodes) throw Bad($"memo index {index} is out of range");
        if (!memo.ContainsKey(index)) budget.Object(40);
        memo[index] = Peek();
    }

    private object? Recall(long index) => memo.TryGetValue(index, out var value) ? value : throw Bad($"it refers to memo entry {index}, which was never set");

    private long Index(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : throw Bad($"'{Show(text)}' is no memo index");

    private void Push(object? value)
    {
        if (stack.Count >= PickleBudget.MaxStack) throw Bad($"its stack grows beyond {PickleBudget.MaxStack} entries");
        budget.Object(value is long or double ? 24 : 0);
        stack.Add(value);
    }

    private object? Peek() => stack.Count > Floor ? stack[^1] : throw Underflow();

    private object? Pop()
    {
        if (stack.Count <= Floor) throw Underflow();
        var value = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    // What lies below the last mark belongs to the containers around it.
    private int Floor => marks.Count > 0 ? marks[^1] : 0;

    private object?[] PopMark()
    {
        if (marks.Count == 0) throw Bad("it closes a container that was never opened");
        var from = marks[^1];
        marks.RemoveAt(marks.Count - 1);
        var items = stack.GetRange(from, stack.Count - from).ToArray();
        stack.RemoveRange(from, items.Length);
        return items;
    }

    private T Top<T>(string what) where T : PickleValue => Peek() as T ?? throw Bad($"it adds to {PickleCalls.Describe(Peek())} as if it were {what}");

    private string Unquote(string text) => text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0]
        ? text[1..^1]
        : throw Bad("a string of protocol 0 has no quotes");

    private WeightsException Underflow() => Bad("it takes more from the stack than there is");

    private WeightsException Bad(string what) => new($"{surroundings.Path}The pickle is damaged or hostile at byte {at} (opcode {PickleScan.Printable(opcode)}): {what}.");

    private static string Show(string text) => PickleScan.Show(text);
}
