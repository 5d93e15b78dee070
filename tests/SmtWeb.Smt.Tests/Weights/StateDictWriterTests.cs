using System.Diagnostics;
using System.Text.Json;
using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.PyTorch;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Weights;

public sealed class StateDictWriterTests
{
    private const string Python = "/usr/bin/python3";

    // weights_only exists since PyTorch 1.13; it takes plain tensors only, by an unpickler of PyTorch's own.
    private const string Peer = """
        import hashlib, json, sys, torch
        state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
        print(json.dumps([[k, str(v.dtype), list(v.shape), v.is_contiguous(),
                           hashlib.sha256(v.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if v.numel() else b"").hexdigest()] for k, v in state.items()]))
        """;

    [Fact]
    public void Write_EveryType_ReadsBackEqual()
    {
        var sources = Sources();
        using var file = new MemoryStream();
        StateDictWriter.Write(file, sources);
        using var read = WeightsFile.Open(file.ToArray());
        Assert.Equal(WeightsFormat.TorchZip, read.Format);
        Assert.Equal(
            sources.Select(s => (s.Name, s.Type, string.Join(",", s.Shape))),
            read.Tensors.Select(t => (t.Name, t.Type, string.Join(",", t.Shape)))
        );
        foreach (var (source, tensor) in sources.Zip(read.Tensors))
        {
            Assert.Equal(Content(source), tensor.ToArray());
        }
    }

    [Fact]
    public void Write_EveryType_IsLoadedByPyTorch()
    {
        if (!File.Exists(Python) || Run("-c", "import torch").Code != 0)
        {
            Assert.Skip($"{Python} has no torch (apt install python3-torch).");
        }
        var path = Path.Combine(Path.GetTempPath(), $"smtweb-{Guid.NewGuid():N}.pth");
        try
        {
            var sources = Sources();
            using (var file = File.Create(path))
            {
                StateDictWriter.Write(file, sources);
            }
            var (code, output, error) = Run("-c", Peer, path);
            Assert.True(code == 0, error);
            var expected = sources.Select(s => $"{s.Name} {TorchName(s.Type)} [{string.Join(",", s.Shape)}] {Hash(Content(s))}");
            var loaded = JsonDocument
                .Parse(output)
                .RootElement.EnumerateArray()
                .Select(t =>
                    $"{t[0].GetString()} {t[1].GetString()} [{string.Join(",", t[2].EnumerateArray().Select(x => x.GetInt64()))}] "
                    + $"{t[4].GetString()}"
                );
            Assert.Equal(expected, loaded);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Write_SourceOfWrongLength_Throws() =>
        Assert.Throws<InvalidOperationException>(() =>
            StateDictWriter.Write(new MemoryStream(), [new("w", SafetensorsType.F32, [2], new byte[4])])
        );

    [Fact]
    public void Write_NameTwice_Throws() =>
        Assert.Throws<ArgumentException>(() =>
            StateDictWriter.Write(
                new MemoryStream(),
                [new("w", SafetensorsType.U8, [0], Array.Empty<byte>()), new("w", SafetensorsType.U8, [0], Array.Empty<byte>())]
            )
        );

    private static List<SafetensorsSource> Sources() =>
        [
            .. Enum.GetValues<SafetensorsType>()
                .Select(
                    (type, i) =>
                        new SafetensorsSource(
                            $"layer{i}.weight",
                            type,
                            [3, i + 1],
                            Enumerable
                                .Range(0, 3 * (i + 1) * type.Size())
                                .Select(b => (byte)(type == SafetensorsType.BOOL ? b % 2 : (b * 7 + i) % 60))
                                .ToArray()
                        )
                ),
            new SafetensorsSource("scalar", SafetensorsType.F32, [], new byte[] { 1, 2, 3, 4 }),
            new SafetensorsSource("empty", SafetensorsType.F32, [0, 4], Array.Empty<byte>()),
            new SafetensorsSource("große.Schicht", SafetensorsType.I64, [1], new byte[8]),
        ];

    private static byte[] Content(SafetensorsSource source)
    {
        using var bytes = new MemoryStream();
        source.Write(bytes);
        return bytes.ToArray();
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));

    private static string TorchName(SafetensorsType type) =>
        "torch."
        + type switch
        {
            SafetensorsType.F64 => "float64",
            SafetensorsType.F32 => "float32",
            SafetensorsType.BF16 => "bfloat16",
            SafetensorsType.F16 => "float16",
            SafetensorsType.I64 => "int64",
            SafetensorsType.I32 => "int32",
            SafetensorsType.I16 => "int16",
            SafetensorsType.I8 => "int8",
            SafetensorsType.U8 => "uint8",
            SafetensorsType.BOOL => "bool",
        };

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
