using SmtWeb.Smt.Sampling;

namespace SmtWeb.Web.Tests.Api;

/// <summary>A network of ten classes that takes as long as the test wants; drawing itself is tested with real ones.</summary>
internal sealed class GatedGenerator(ManualResetEventSlim gate) : IOneStepGenerator
{
    public int ClassCount => 10;

    public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")];

    public long Iteration => 1;

    public IReadOnlyList<int> StepChoices => [1];

    public GeneratedImages Generate(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, int? steps)
    {
        gate.Wait(TimeSpan.FromSeconds(40));
        return new(seeds.Count, 2, 2, 1, new byte[4 * seeds.Count], seeds, labels!);
    }

    public void Dispose() { }
}
