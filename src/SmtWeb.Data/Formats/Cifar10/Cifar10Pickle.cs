using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Data.Formats;

/// <summary>
/// A batch of the python version of CIFAR-10: a pickled dict with "data" (uint8 [N,3072]) and "labels" (a list), read by the restricted
/// unpickler.
/// </summary>
internal static class Cifar10Pickle
{
    private const int ImageBytes = 3 * Cifar10.Side * Cifar10.Side;

    /// <exception cref="InvalidDataException">It is no such batch; <paramref name="name"/> begins the message.</exception>
    internal static (byte[] Images, int[] Labels) Read(string name, byte[] content)
    {
        try
        {
            var value = Unpickler.Load(
                new Weights.Bytes.MemorySource(content),
                0,
                new PickleBudget(content.Length),
                new PickleSurroundings(),
                out _
            );
            if (value is not PickleDict batch)
            {
                throw new InvalidDataException($"{name}: holds {PickleCalls.Describe(value)}, expected a dict.");
            }
            if (batch["data"] is not NumpyArray { Type.Code: "u1", FortranOrder: false, Shape: [var count, ImageBytes], Bytes: { } bytes })
            {
                throw new InvalidDataException(
                    $"{name}: \"data\" is {PickleCalls.Describe(batch["data"])}, expected an array of bytes [N,{ImageBytes}]."
                );
            }
            if (batch["labels"] is not PickleList labels || labels.Items.Count != count)
            {
                throw new InvalidDataException(
                    $"{name}: \"labels\" is {PickleCalls.Describe(batch["labels"])}, expected a list of {count} labels."
                );
            }
            return (
                bytes.ToArray("the pixels"),
                [
                    .. labels.Items.Select(
                        (label, i) =>
                            label is long and >= int.MinValue and <= int.MaxValue
                                ? (int)(long)label
                                : throw new InvalidDataException(
                                    $"{name}: label {i} is {PickleCalls.Describe(label)}, expected a whole number."
                                )
                    ),
                ]
            );
        }
        catch (WeightsException e)
        {
            throw new InvalidDataException($"{name}: {e.Message}", e);
        }
    }
}
