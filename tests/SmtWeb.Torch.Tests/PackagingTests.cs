using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SmtWeb.Torch.Tests;

/// <summary>What build/TorchSharp.targets does with the native libraries, on the package's own file.</summary>
public sealed class PackagingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-packaging").FullName;
    private readonly byte[] _original = File.ReadAllBytes(Source.LibTorchSharp);

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        // whatever a test did: the package is as it was
        Assert.Equal(SHA256.HashData(_original), SHA256.HashData(File.ReadAllBytes(Source.LibTorchSharp)));
    }

    [Fact]
    public void Weakened_ThePackagesFile_ChangesTheFlagOfOneVersion()
    {
        Assert.True(new ElfVersionNeeds(_original).Insists(LibTorchSharpCopy.Version));
        var weakened = new ElfVersionNeeds(_original).Weakened(LibTorchSharpCopy.Version);
        Assert.False(new ElfVersionNeeds(weakened).Insists(LibTorchSharpCopy.Version));
        Assert.True(new ElfVersionNeeds(weakened).Insists("GLIBCXX_3.4.30"));
        var changed = Assert.Single(Enumerable.Range(0, _original.Length), k => _original[k] != weakened[k]);
        Assert.Equal(_original[changed] | 2, weakened[changed]);
        Assert.Equal(weakened, new ElfVersionNeeds(weakened).Weakened(LibTorchSharpCopy.Version));
        Assert.Equal(_original, new ElfVersionNeeds(_original).Weakened("GLIBCXX_9.9.9"));
    }

    [Fact]
    public void Weakened_AVersionThatIsUsed_IsRefused() =>
        Assert.Contains(
            "uses a symbol of version GLIBCXX_3.4.21",
            Assert.Throws<InvalidDataException>(() => new ElfVersionNeeds(_original).Weakened("GLIBCXX_3.4.21")).Message
        );

    [Fact]
    public void Write_ARelocationNeedsTheVersion_NothingIsWrittenAndTheMessageNamesTheWayOut()
    {
        var (source, destination) = (Path.Combine(_folder, "libLibTorchSharp.so"), Path.Combine(_folder, "copy.so"));
        File.WriteAllBytes(source, WithAUseOfTheNewVersion());
        var message = Assert.Throws<InvalidDataException>(() => LibTorchSharpCopy.Write(source, destination, "always")).Message;
        Assert.Contains(source, message);
        Assert.Contains("a relocation", message);
        Assert.Contains("PatchLibTorchSharp=false", message);
        Assert.False(File.Exists(destination));
        // switched off, it is a copy
        Assert.False(LibTorchSharpCopy.Write(source, destination, "false"));
        Assert.Equal(File.ReadAllBytes(source), File.ReadAllBytes(destination));
    }

    [Fact]
    public void Write_OnThisMachine_PatchesOnlyWhereTheLoaderLacksTheVersion()
    {
        var copy = Path.Combine(_folder, "libLibTorchSharp.so");
        // an earlier build may have left a link to the package's file
        Process.Start("ln", [Source.LibTorchSharp, copy])!.WaitForExit();
        Assert.Equal(!LibTorchSharpCopy.LoaderHasVersion(), LibTorchSharpCopy.Write(Source.LibTorchSharp, copy, "true"));
        Assert.Equal(LibTorchSharpCopy.LoaderHasVersion(), new ElfVersionNeeds(File.ReadAllBytes(copy)).Insists(LibTorchSharpCopy.Version));
        Assert.False(LibTorchSharpCopy.Write(Source.LibTorchSharp, copy, "false"));
        Assert.Equal(_original, File.ReadAllBytes(copy));
        Assert.True(LibTorchSharpCopy.Write(Source.LibTorchSharp, copy, "always"));
    }

    [Fact]
    public void LoaderHasVersion_SaysWhatTheLoaderDoes()
    {
        Assert.True(NativeLibrary.TryLoad(Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so"), out _));
        var untouched = Path.Combine(AppContext.BaseDirectory, "untouched-LibTorchSharp.so"); // beside libtorch, which it looks for there
        File.WriteAllBytes(untouched, _original);
        try
        {
            Assert.Equal(LibTorchSharpCopy.LoaderHasVersion(), NativeLibrary.TryLoad(untouched, out _));
            if (!LibTorchSharpCopy.LoaderHasVersion())
            {
                var words = Assert.Throws<DllNotFoundException>(() => NativeLibrary.Load(untouched)).Message;
                var message = LoadFailure.Explain(AppContext.BaseDirectory, words);
                Assert.Contains("older than GLIBCXX_3.4.32", message);
                Assert.Contains("PatchLibTorchSharp=always", message);
            }
        }
        finally
        {
            File.Delete(untouched);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(5000)]
    [InlineData(300_000)]
    public void Weakened_ATruncatedFile_IsRefused(int length) =>
        Assert.Throws<InvalidDataException>(() => new ElfVersionNeeds(_original[..length]).Weakened(LibTorchSharpCopy.Version));

    [Fact]
    public void Output_HasTheLibrariesItNeedsAndNoOthers()
    {
        var libraries = Directory.GetFiles(AppContext.BaseDirectory, "lib*.so*").Select(Path.GetFileName).ToHashSet();
        Assert.Superset(new HashSet<string?> { "libLibTorchSharp.so", "libtorch.so", "libtorch_cpu.so", "libc10.so" }, libraries);
        Assert.DoesNotContain("libtorch_python.so", libraries);
        Assert.DoesNotContain("libtorchbind_test.so", libraries);
        var foreign = Path.Combine(AppContext.BaseDirectory, "runtimes");
        if (Directory.Exists(foreign))
        {
            Assert.All(
                Directory.GetDirectories(foreign),
                d => Assert.Contains(Path.GetFileName(d), new[] { "linux-x64", "linux", "unix" })
            );
        }
    }

    [Theory]
    [InlineData("cpu", "libtorch-cpu-linux-x64", "TorchSharp-cuda-linux")]
    [InlineData("cuda", "TorchSharp-cuda-linux", "libtorch-cpu-linux-x64")]
    public void TorchDevice_ChoosesOneLibtorch(string device, string asked, string other)
    {
        var packages = Msbuild("-getItem:PackageReference", $"-p:TorchDevice={device}");
        Assert.Contains($"\"{asked}\"", packages);
        Assert.DoesNotContain($"\"{other}\"", packages);
    }

    [Fact]
    public void TorchDevice_Other_IsRefusedAndTheChoicesAreNamed() =>
        Assert.Contains(
            "error SMT1001: TorchDevice is 'tpu'. It chooses libtorch: cpu, or cuda",
            Msbuild("-t:CheckTorchDevice", "-p:TorchDevice=tpu")
        );

    [Fact]
    public void TorchDevice_GpuPackageIsNotHere_NamesItAndTheWayOut()
    {
        var output = Msbuild("-t:CheckTorchDevice", "-p:TorchDevice=cuda", $"-p:TorchGpuFolder={_folder}/nothing");
        Assert.Contains("TorchSharp-cuda-linux, about 3 GB", output);
        Assert.Contains("./run.sh --cpu", output);
        Assert.DoesNotContain("SMT1003", Msbuild("-t:CheckTorchDevice", "-p:TorchDevice=cuda", $"-p:TorchGpuFolder={_folder}"));
    }

    private static string Msbuild(params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "dotnet",
            ["msbuild", Path.Combine(Source.Root, "src", "SmtWeb.Torch", "SmtWeb.Torch.csproj"), "-nologo", .. arguments]
        )
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    // The file as a later TorchSharp might be: the first symbol that a relocation of its own names gets the new version.
    private byte[] WithAUseOfTheNewVersion()
    {
        var file = (byte[])_original.Clone();
        ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
        var headers = (int)U64(0x20);
        var dynamic = Enumerable
            .Range(0, file[0x38])
            .Select(k => headers + 56 * k)
            .Single(at => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)) == 2);
        // tables lie in the first segment, where addresses are places in the file
        var entries = new Dictionary<ulong, int>();
        for (var at = (int)U64(dynamic + 8); U64(at) != 0; at += 16)
        {
            entries[U64(at)] = (int)U64(at + 8);
        }
        var symbol = (int)(U64(entries[23] + 8) >> 32);
        const ushort gcc13 = 18; // the index of GLIBCXX_3.4.32 in this release
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(entries[0x6ffffff0] + 2 * symbol), gcc13);
        return file;
    }
}
