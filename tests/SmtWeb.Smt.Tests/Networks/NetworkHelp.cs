namespace SmtWeb.Smt.Tests;

internal static class NetworkHelp
{
    /// <summary>The network without dropout.</summary>
    internal static T Evaluating<T>(this T network)
        where T : Module
    {
        network.eval();
        return network;
    }
}
