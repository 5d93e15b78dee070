namespace SmtWeb.Runs.Generations;

/// <summary>Consecutive images of a batch: <paramref name="Pngs"/>, one class each (-1: none).</summary>
public sealed record GenerationPiece(int First, IReadOnlyList<byte[]> Pngs, IReadOnlyList<int> Labels);
