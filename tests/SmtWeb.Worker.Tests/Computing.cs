namespace SmtWeb.Worker.Tests;

/// <summary>
/// Tests that compute, or start many processes: one at a time, beside those that wait for leases and for trainers that count.
/// All at once they would take the cores from each other and from the times that the others are about.
/// </summary>
internal static class Computing
{
    internal const string Name = "Computing";
}
