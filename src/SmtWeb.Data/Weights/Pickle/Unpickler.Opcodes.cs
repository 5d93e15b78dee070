using System.Globalization;
using System.Numerics;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Pickle;

// What each opcode does.
internal sealed partial class Unpickler
{
    // numbers, strings, bytes
    private bool Constant()
    {
        switch (_opcode)
        {
            case (byte)'N':
                Push(null);
                return true;
            case 0x88:
                Push(true);
                return true;
            case 0x89:
                Push(false);
                return true;
            case (byte)'K':
                Push((long)_cursor.Byte());
                return true;
            case (byte)'M':
                Push((long)_cursor.UInt16());
                return true;
            case (byte)'J':
                Push((long)(int)_cursor.UInt32());
                return true;
            case (byte)'G':
                Push(_cursor.BigEndianDouble());
                return true;
            case (byte)'I':
                PushInteger(_cursor.Line());
                return true;
            case (byte)'L':
                PushInteger(_cursor.Line().TrimEnd('L'));
                return true;
            case (byte)'F':
                var text = _cursor.Line();
                Push(
                    double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                        ? number
                        : throw Bad($"'{Show(text)}' is no number")
                );
                return true;
            case 0x8a:
                PushLong(_cursor.Byte());
                return true;
            case 0x8b:
                PushLong(_cursor.UInt32());
                return true;
            case 0x8c:
                PushText(_cursor.Text(_cursor.Byte()));
                return true;
            case (byte)'X':
                PushText(_cursor.Text(_cursor.UInt32()));
                return true;
            case 0x8d:
                PushText(_cursor.Text(_cursor.UInt64()));
                return true;
            case (byte)'V':
                PushText(_cursor.Line());
                return true;
            case (byte)'S':
                PushText(Unquote(_cursor.Line()));
                return true;
            case (byte)'U':
                PushText(_cursor.Latin1(_cursor.Byte()));
                return true;
            case (byte)'T':
                PushBinary(_cursor.UInt32());
                return true;
            case (byte)'C':
                PushBytes(_cursor.Byte());
                return true;
            case (byte)'B':
                PushBytes(_cursor.UInt32());
                return true;
            case 0x8e:
                PushBytes(_cursor.UInt64());
                return true;
            default:
                return false;
        }
    }

    // tuples, lists, dicts, sets
    private bool Container()
    {
        switch (_opcode)
        {
            case (byte)'(':
                if (_marks.Count >= PickleBudget.MaxMarks)
                {
                    throw Bad($"it opens more than {PickleBudget.MaxMarks} containers inside one another");
                }
                _marks.Add(_stack.Count);
                return true;
            case (byte)')':
                Push(Tuple([]));
                return true;
            case (byte)'t':
                Push(Tuple(PopMark()));
                return true;
            case 0x85:
                Push(Tuple([Pop()]));
                return true;
            case 0x86:
            {
                var b = Pop();
                var a = Pop();
                Push(Tuple([a, b]));
                return true;
            }
            case 0x87:
            {
                var c = Pop();
                var b = Pop();
                var a = Pop();
                Push(Tuple([a, b, c]));
                return true;
            }
            case (byte)']':
                Push(New(new PickleList()));
                return true;
            case (byte)'l':
            {
                var items = PopMark();
                Push(Fill(New(new PickleList()), items));
                return true;
            }
            case (byte)'a':
            {
                var item = Pop();
                Fill(Top<PickleList>("a list"), [item]);
                return true;
            }
            case (byte)'e':
            {
                var items = PopMark();
                Fill(Top<PickleList>("a list"), items);
                return true;
            }
            case (byte)'}':
                Push(New(new PickleDict()));
                return true;
            case (byte)'d':
            {
                var items = PopMark();
                Push(Fill(New(new PickleDict()), items));
                return true;
            }
            case (byte)'s':
            {
                var value = Pop();
                var key = Pop();
                Fill(Top<PickleDict>("a dict"), [key, value]);
                return true;
            }
            case (byte)'u':
            {
                var items = PopMark();
                Fill(Top<PickleDict>("a dict"), items);
                return true;
            }
            case 0x8f:
                Push(New(new PickleList { IsSet = true }));
                return true;
            case 0x90:
            {
                var items = PopMark();
                Fill(Top<PickleList>("a set"), items);
                return true;
            }
            case 0x91:
            {
                var items = PopMark();
                Push(Fill(New(new PickleList { IsSet = true }), items));
                return true;
            }
            default:
                return false;
        }
    }

    // memo, names, calls
    private bool Reference()
    {
        switch (_opcode)
        {
            case 0x80:
                var protocol = _cursor.Byte();
                if (protocol > 5)
                {
                    throw Bad($"protocol {protocol} is not known; 0 to 5 are");
                }
                return true;
            case 0x95:
                // A frame only groups opcodes for buffering; its length must still be true.
                var frame = _cursor.UInt64();
                if (frame > (ulong)(_source.Length - _cursor.Position))
                {
                    throw Bad($"it announces a frame of {frame} bytes; only {_source.Length - _cursor.Position} are left");
                }
                return true;
            case (byte)'0':
                if (_marks.Count > 0 && _marks[^1] == _stack.Count)
                {
                    _marks.RemoveAt(_marks.Count - 1);
                }
                else
                {
                    Pop();
                }
                return true;
            case (byte)'1':
                PopMark();
                return true;
            case (byte)'2':
            {
                var top = Pop();
                Push(top);
                Push(top);
                return true;
            }
            case (byte)'p':
                Remember(Index(_cursor.Line()));
                return true;
            case (byte)'q':
                Remember(_cursor.Byte());
                return true;
            case (byte)'r':
                Remember(_cursor.UInt32());
                return true;
            case 0x94:
                Remember(_memo.Count);
                return true;
            case (byte)'g':
                Push(Recall(Index(_cursor.Line())));
                return true;
            case (byte)'h':
                Push(Recall(_cursor.Byte()));
                return true;
            case (byte)'j':
                Push(Recall(_cursor.UInt32()));
                return true;
            case (byte)'c':
            {
                var module = _cursor.Line();
                Push(Name(module, _cursor.Line()));
                return true;
            }
            case 0x93:
            {
                var name = Pop() as string;
                var module = Pop() as string;
                Push(module is null || name is null ? throw Bad("STACK_GLOBAL finds no two strings on the stack") : Name(module, name));
                return true;
            }
            case (byte)'R':
            {
                var arguments = Pop();
                Push(_calls.Reduce(Callable(Pop()), Arguments(arguments)));
                return true;
            }
            case 0x81:
            {
                var arguments = Pop();
                Push(_calls.New(Callable(Pop()), Arguments(arguments)));
                return true;
            }
            case 0x92:
            {
                var named = Pop() as PickleDict;
                var arguments = Arguments(Pop());
                if (named is not { Items.Count: 0 })
                {
                    throw Bad("NEWOBJ_EX with named arguments is not used by files of weights");
                }
                Push(_calls.New(Callable(Pop()), arguments));
                return true;
            }
            case (byte)'i':
            {
                var module = _cursor.Line();
                var name = Name(module, _cursor.Line());
                Push(_calls.Reduce(name, Tuple(PopMark())));
                return true;
            }
            case (byte)'o':
            {
                var items = PopMark();
                if (items.Length == 0)
                {
                    throw Bad("OBJ has no class");
                }
                Push(_calls.Reduce(Callable(items[0]), Tuple(items[1..])));
                return true;
            }
            case (byte)'b':
            {
                var state = Pop();
                _calls.Build(Peek(), state);
                return true;
            }
            case (byte)'Q':
                Push(Persistent(Pop()));
                return true;
            case (byte)'P':
                throw Bad($"it has the persistent id '{Show(_cursor.Line())}', which no file of weights has");
            case 0x82 or 0x83 or 0x84:
                throw Bad("it calls the extension registry of Python (EXT opcodes), which is never allowed");
            default:
                return false;
        }
    }
}
