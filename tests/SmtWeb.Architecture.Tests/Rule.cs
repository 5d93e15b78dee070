namespace SmtWeb.Architecture.Tests;

internal static class Rule
{
    /// <summary>Fails with every breach on a line of its own (Assert.Empty shortens them).</summary>
    public static void Holds(IEnumerable<string> breaches)
    {
        var all = breaches.Order(StringComparer.Ordinal).ToList();
        Assert.True(all.Count == 0, string.Join("\n", all));
    }
}
