namespace SmtWeb.Smt.Networks;

/// <summary>
/// A part of a network that owns its parameters, buffers and sub-modules. They are registered one by one, because the order of
/// registration is the order of the state dict: own parameters, own buffers, then sub-modules.
/// </summary>
public abstract class NetworkPart : Module
{
    /// <summary>A part without content.</summary>
    protected NetworkPart()
        : base("part") { }

    /// <summary>Makes <paramref name="value"/> a parameter of this part.</summary>
    protected Parameter Register(string name, Tensor value) => this.OwnParameter(name, value);

    /// <summary>Makes <paramref name="value"/> a constant of this part that is stored with its weights.</summary>
    protected Tensor RegisterBuffer(string name, Tensor value) => this.OwnBuffer(name, value);

    /// <summary>Makes <paramref name="part"/> a part of this one.</summary>
    protected T Register<T>(string name, T part)
        where T : Module => this.OwnPart(name, part);

    /// <summary>Nothing: TorchSharp would register the fields too, under their own names.</summary>
    protected sealed override void RegisterComponents() { }
}

/// <summary>A <see cref="NetworkPart"/> that makes one tensor of another.</summary>
public abstract class Layer : torch.nn.Module<Tensor, Tensor>
{
    /// <summary>A layer without content.</summary>
    protected Layer()
        : base("layer") { }

    /// <summary>Makes <paramref name="value"/> a parameter of this layer.</summary>
    protected Parameter Register(string name, Tensor value) => this.OwnParameter(name, value);

    /// <summary>Makes <paramref name="value"/> a constant of this layer that is stored with its weights.</summary>
    protected Tensor RegisterBuffer(string name, Tensor value) => this.OwnBuffer(name, value);

    /// <summary>Makes <paramref name="part"/> a part of this layer.</summary>
    protected T Register<T>(string name, T part)
        where T : Module => this.OwnPart(name, part);

    /// <summary>Nothing: TorchSharp would register the fields too, under their own names.</summary>
    protected sealed override void RegisterComponents() { }
}
