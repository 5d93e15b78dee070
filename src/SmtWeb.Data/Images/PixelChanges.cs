namespace SmtWeb.Data.Images;

/// <summary>What was done to the pixels of a file on their way to the network: all of it is counted and announced by the check.</summary>
[Flags]
public enum PixelChanges
{
    /// <summary>Nothing: the network sees the bytes of the file.</summary>
    None = 0,

    /// <summary>Turned or mirrored as its EXIF orientation says, which is how every viewer shows it.</summary>
    Turned = 1,

    /// <summary>An alpha channel or a transparent colour was left out.</summary>
    AlphaLeftOut = 2,

    /// <summary>Inks (CMYK) became RGB.</summary>
    InksConverted = 4,

    /// <summary>Grey was repeated in three channels.</summary>
    GreyRepeated = 8,

    /// <summary>No square: what lies beyond the square in the middle was cut off.</summary>
    Cropped = 16,

    /// <summary>Brought to a smaller side.</summary>
    Shrunk = 32,

    /// <summary>Brought to a larger side.</summary>
    Enlarged = 64,
}
