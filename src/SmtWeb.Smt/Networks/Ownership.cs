using System.Runtime.CompilerServices;

namespace SmtWeb.Smt.Networks;

/// <summary>Hands tensors from the scope in which they were made to the module that owns them from then on.</summary>
internal static class Ownership
{
    internal static Parameter OwnParameter(this Module module, string name, Tensor value)
    {
        value.requires_grad = true;
        // TorchSharp's public constructor empties the tensor but goes on counting it in Tensor.TotalCount
        var parameter = NewParameter(value.DecoupleFromNativeHandle());
        parameter.DetachFromDisposeScope();
        module.register_parameter(name, parameter);
        return parameter;
    }

    internal static Tensor OwnBuffer(this Module module, string name, Tensor value)
    {
        module.register_buffer(name, value.DetachFromDisposeScope());
        return value;
    }

    internal static T OwnPart<T>(this Module module, string name, T part)
        where T : Module
    {
        module.register_module(name, part);
        return part;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern Parameter NewParameter(nint handle);
}
