namespace SmtWeb.Torch;

/// <summary>How a convolution changes resolution.</summary>
public enum Resample
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>Doubles it before the convolution: every pixel counts for 2×2.</summary>
    Up,

    /// <summary>Halves it before the convolution: the mean of 2×2 pixels.</summary>
    Down,
}
