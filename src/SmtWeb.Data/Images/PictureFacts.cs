namespace SmtWeb.Data.Images;

/// <summary>
/// What a file says about its pixels before any of them is decoded. <paramref name="Orientation"/> is EXIF's, 1 to 8, and 1 where
/// the file has none.
/// </summary>
internal readonly record struct PictureFacts(int Width, int Height, int Channels, int Orientation, PixelChanges Changes);
