namespace SmtWeb.Data.Images.Figures;

/// <summary>A panel of a figure: points [N,2] row-major of a method over those of the data, under a title and over a note.</summary>
public sealed record PointPanel(string Title, string Note, float[] Data, float[] Samples);
