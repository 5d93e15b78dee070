using System.Runtime.InteropServices;
using System.Text;

namespace SmtWeb.Torch.Interop;

/// <summary>
/// An operator of libtorch: <paramref name="name"/> with its overload (<c>aten::add.Tensor</c>) and the names of the
/// arguments that this project passes by position. <see cref="Operators.Verify"/> compares them with the loaded
/// library's schema, because positions differ between versions.
/// </summary>
internal sealed class Operator(string name, string arguments)
{
    private nint handle;

    internal string Name { get; } = name;

    internal IReadOnlyList<string> Arguments { get; } = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>True when the loaded library has it.</summary>
    internal bool Exists => handle != 0 || (handle = Find()) != 0;

    private nint Handle => Exists ? handle : throw new TorchException($"{Name} is not in libtorch {torch.Version}");

    private nint Find()
    {
        var dot = Name.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? Native.smt_operator_find(Name, "") : Native.smt_operator_find(Name[..dot], Name[(dot + 1)..]);
    }

    internal unsafe string Schema => Marshal.PtrToStringUTF8((nint)Native.smt_operator_schema(Handle)) ?? "";

    /// <summary>Calls an operator that returns one tensor. The caller keeps the arguments alive.</summary>
    internal unsafe Tensor Call(ReadOnlySpan<Value> arguments)
    {
        nint result = 0;
        fixed (Value* a = arguments)
        {
            var n = Native.smt_call(Handle, a, arguments.Length, &result, 1);
            if (n != 1) throw Failure(n, arguments);
        }
        return new Tensor(result);
    }

    /// <summary>Calls an operator that works in place or returns nothing of interest.</summary>
    internal unsafe void Run(ReadOnlySpan<Value> arguments)
    {
        nint result = 0;
        fixed (Value* a = arguments)
        {
            var n = Native.smt_call(Handle, a, arguments.Length, &result, 1);
            if (n < 0) throw Failure(n, arguments);
        }
        if (result != 0) Native.smt_tensor_free(result);
    }

    /// <summary>Calls an operator that returns several tensors.</summary>
    internal unsafe Tensor[] CallMany(ReadOnlySpan<Value> arguments, int capacity)
    {
        var results = new nint[capacity];
        int n;
        fixed (Value* a = arguments)
        fixed (nint* r = results)
        {
            n = Native.smt_call(Handle, a, arguments.Length, r, capacity);
            if (n < 0) throw Failure(n, arguments);
        }
        var tensors = new Tensor[n];
        for (var k = 0; k < n; k++) tensors[k] = new Tensor(results[k]);
        return tensors;
    }

    private unsafe TorchException Failure(int status, ReadOnlySpan<Value> arguments)
    {
        var text = new StringBuilder(Name).Append(": ").Append(status < 0 ? Native.LastError : "returned no tensor").Append(" Arguments:");
        foreach (var a in arguments)
        {
            text.Append(' ');
            switch (a.Kind)
            {
                case Value.Tag.Tensor: text.Append(Shapes.Describe((nint)a.Pointer)); break;
                case Value.Tag.Int: text.Append(a.Integer); break;
                case Value.Tag.Double: text.Append(a.Real); break;
                case Value.Tag.Bool: text.Append(a.Integer != 0 ? "true" : "false"); break;
                case Value.Tag.IntList: text.Append($"[{string.Join(',', new ReadOnlySpan<long>(a.Pointer, a.Count).ToArray())}]"); break;
                case Value.Tag.TensorList or Value.Tag.OptionalTensorList: text.Append($"{a.Count} tensors"); break;
                case Value.Tag.None: text.Append("none"); break;
                default: text.Append(a.Kind.ToString().ToLowerInvariant()); break;
            }
        }
        return new TorchException(text.ToString());
    }
}
