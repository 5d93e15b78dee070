namespace SmtWeb.Web.Panel.Start;

/// <summary>A setting that is not as it was at the beginning.</summary>
public sealed record SpecChange(string Label, string Now, string Before);
