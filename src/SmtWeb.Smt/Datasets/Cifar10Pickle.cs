namespace SmtWeb.Smt.Datasets;

/// <summary>A batch of the python version of CIFAR-10.</summary>
internal static class Cifar10Pickle
{
    internal static (byte[] Images, int[] Labels) Read(string name, byte[] content) =>
        throw new InvalidDataException($"{name}: the python version of CIFAR-10 is not read yet ({content.Length} bytes); use cifar-10-binary.tar.gz.");
}
