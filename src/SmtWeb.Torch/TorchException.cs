namespace SmtWeb.Torch;

/// <summary>libtorch refused a call; the message names the operator and the shapes.</summary>
public sealed class TorchException : Exception
{
    /// <summary>An error with its text.</summary>
    public TorchException(string message)
        : base(message) { }

    /// <summary>An error with its text and what led to it.</summary>
    public TorchException(string message, Exception inner)
        : base(message, inner) { }
}
