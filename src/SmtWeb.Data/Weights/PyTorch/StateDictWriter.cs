using System.Text;
using SmtWeb.Data.Weights.Archives;

namespace SmtWeb.Data.Weights.PyTorch;

/// <summary>
/// Writes a state dict as torch.save does (zip, since 1.6): an OrderedDict of plain tensors that
/// <c>torch.load(file, weights_only=True)</c> takes. Tensors are written one by one.
/// </summary>
public static class StateDictWriter
{
    private const string Root = "archive/";

    /// <summary>Writes a file; the order is kept.</summary>
    /// <param name="stream">Seekable.</param>
    /// <param name="tensors">Names are unique.</param>
    /// <exception cref="ArgumentException">A name is taken twice.</exception>
    /// <exception cref="InvalidOperationException">
    /// A source wrote another number of bytes than its shape takes, or a tensor is beyond 4 GiB.
    /// </exception>
    public static void Write(Stream stream, IEnumerable<SafetensorsSource> tensors)
    {
        var list = tensors.ToList();
        var zip = new ZipWriter(stream);
        zip.Add(Root + "data.pkl", content => content.Write(Pickle(list)));
        zip.Add(Root + "byteorder", content => content.Write("little"u8));
        for (var k = 0; k < list.Count; k++)
        {
            var tensor = list[k];
            zip.Add(
                $"{Root}data/{k}",
                content =>
                {
                    tensor.Write(content);
                    if (content.Position != tensor.ByteCount)
                    {
                        throw new InvalidOperationException(
                            $"Tensor \"{tensor.Name}\" wrote {content.Position} bytes; {tensor.Type} [{string.Join(",", tensor.Shape)}] "
                                + $"takes {tensor.ByteCount}."
                        );
                    }
                }
            );
        }

        zip.Add(Root + "version", content => content.Write("3\n"u8));
        zip.Finish();
    }

    // Protocol 2 without memo: OrderedDict() with (name, _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()))
    private static byte[] Pickle(List<SafetensorsSource> tensors)
    {
        using var bytes = new MemoryStream();
        void Op(byte opcode) => bytes.WriteByte(opcode);
        void Global(string module, string name) => bytes.Write(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));
        void Text(string text)
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            Op((byte)'X');
            bytes.Write(BitConverter.GetBytes((uint)utf8.Length));
            bytes.Write(utf8);
        }

        void Number(long number)
        {
            if (number is >= 0 and <= int.MaxValue)
            {
                Op((byte)'J');
                bytes.Write(BitConverter.GetBytes((int)number));
            }
            else
            {
                Op(0x8a);
                Op(8);
                bytes.Write(BitConverter.GetBytes(number));
            }
        }

        void Numbers(IEnumerable<long> numbers)
        {
            Op((byte)'(');
            foreach (var number in numbers)
            {
                Number(number);
            }
            Op((byte)'t');
        }

        void OrderedDict()
        {
            Global("collections", "OrderedDict");
            Op((byte)')');
            Op((byte)'R');
        }

        var names = new HashSet<string>();
        bytes.Write([0x80, 2]);
        OrderedDict();
        Op((byte)'(');
        for (var k = 0; k < tensors.Count; k++)
        {
            var tensor = tensors[k];
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException($"The tensor name \"{tensor.Name}\" is taken twice.", nameof(tensors));
            }
            Text(tensor.Name);
            Global("torch._utils", "_rebuild_tensor_v2");
            Op((byte)'(');
            Op((byte)'(');
            Text("storage");
            Global("torch", StorageClass(tensor.Type));
            Text($"{k}");
            Text("cpu");
            Number(tensor.ByteCount / tensor.Type.Size());
            Op((byte)'t');
            Op((byte)'Q');
            Number(0);
            Numbers(tensor.Shape);
            Numbers(Strides(tensor.Shape));
            Op(0x89);
            OrderedDict();
            Op((byte)'t');
            Op((byte)'R');
        }

        Op((byte)'u');
        Op((byte)'.');
        return bytes.ToArray();
    }

    private static long[] Strides(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        long step = 1;
        for (var k = shape.Count - 1; k >= 0; k--)
        {
            strides[k] = step;
            step *= Math.Max(1, shape[k]);
        }

        return strides;
    }

    private static string StorageClass(SafetensorsType type) =>
        type switch
        {
            SafetensorsType.F64 => "DoubleStorage",
            SafetensorsType.F32 => "FloatStorage",
            SafetensorsType.F16 => "HalfStorage",
            SafetensorsType.BF16 => "BFloat16Storage",
            SafetensorsType.I64 => "LongStorage",
            SafetensorsType.I32 => "IntStorage",
            SafetensorsType.I16 => "ShortStorage",
            SafetensorsType.I8 => "CharStorage",
            SafetensorsType.U8 => "ByteStorage",
            SafetensorsType.BOOL => "BoolStorage",
        };
}
