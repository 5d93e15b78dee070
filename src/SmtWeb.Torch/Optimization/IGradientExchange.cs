namespace SmtWeb.Torch;

/// <summary>Averages the gradients of a backward pass over the ranks of a run.</summary>
public interface IGradientExchange
{
    /// <summary>The next backward pass is the one whose gradients are exchanged.</summary>
    void Begin();

    /// <summary>Sends what is left and waits; the gradients are then the mean over the ranks.</summary>
    void End();
}
