using System.Globalization;

namespace SmtWeb.Data.Formats;

/// <summary>
/// What a person should know about data that can be trained on all the same: <paramref name="Count"/> files were passed over or changed,
/// <paramref name="Example"/> is one of them (empty where none is meant), and <paramref name="What"/> says of what kind and why.
/// </summary>
public sealed record DatasetNote(string What, int Count, string Example)
{
    /// <summary>The note in a line.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Count:N0} {What}{(Example.Length > 0 ? $", such as {Example}" : "")}");
}
