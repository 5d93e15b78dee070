using System.Security.Cryptography;
using SmtWeb.Data.Files;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Session;

/// <summary>A checkpoint file that a run in a folder is forked from.</summary>
public sealed record FolderFork(string Path, TrainingSpec Spec, TrainingProgress Progress, string Sha256)
{
    /// <summary>Reads what the file says of itself, and its hash.</summary>
    /// <exception cref="InvalidDataException">It is no checkpoint, or damaged.</exception>
    public static FolderFork Read(string path)
    {
        using var file = PlainFile.OpenRead(path);
        var (spec, progress, _, _) = CheckpointFile.Read(file, _ => false);
        file.Position = 0;
        return new(System.IO.Path.GetFullPath(path), spec, progress, Convert.ToHexStringLower(SHA256.HashData(file)));
    }
}
