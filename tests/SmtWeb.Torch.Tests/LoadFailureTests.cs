namespace SmtWeb.Torch.Tests;

public sealed class LoadFailureTests
{
    private static string Here => AppContext.BaseDirectory;

    [Fact]
    public void Explain_NothingBesideTheProgram_NamesWhatIsMissingAndTheBuild()
    {
        var folder = Directory.CreateTempSubdirectory("smtweb-empty").FullName;
        var message = LoadFailure.Explain(folder, "whatever");
        Directory.Delete(folder);
        Assert.Contains($"libLibTorchSharp.so, libtorch.so, libtorch_cpu.so, libc10.so are not in {folder}", message);
        Assert.Contains("./run.sh", message);
    }

    [Theory]
    [InlineData(
        "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)",
        "PatchLibTorchSharp=always"
    )]
    [InlineData(
        "/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /app/libLibTorchSharp.so)",
        "libstdc++ is too old: GLIBCXX_3.4.30"
    )]
    [InlineData("/lib/libc.so.6: version `GLIBC_2.34' not found (required by /app/libtorch_cpu.so)", "libc is too old: GLIBC_2.34")]
    [InlineData("/app/libLibTorchSharp.so: undefined symbol: _ZN3c1010TensorImplE", "LD_LIBRARY_PATH must not lead to another libtorch")]
    [InlineData("libgomp-98b21ff3.so.1: cannot open shared object file", "ldd ")]
    public void Explain_TheLoadersWords_TheCauseAndTheWayOut(string loader, string expected)
    {
        var message = LoadFailure.Explain(Here, loader);
        Assert.Contains(expected, message);
        Assert.Contains(loader, message);
    }

    [Theory]
    [InlineData(false, null, 0, "built for CPUs, and no NVIDIA driver")]
    [InlineData(false, 0, 12080, "./run.sh --gpu")]
    [InlineData(true, null, 0, "no NVIDIA driver answers")]
    [InlineData(true, 0, 11040, "too old: it knows CUDA 11.4")]
    [InlineData(true, 803, 11040, "too old: it knows CUDA 11.4")]
    [InlineData(true, 100, 12080, "shows no GPU")]
    [InlineData(true, 999, 12080, "CUDA error 999")]
    public void GpuDriver_Explain_OneMessageWithTheWayOut(bool gpuBuild, int? error, int version, string expected) =>
        Assert.Contains(expected, GpuDriver.Explain(gpuBuild, new(error, version)));

    [Fact]
    public void GpuDriver_Explain_ADriverInOrder_Nothing() => Assert.Null(GpuDriver.Explain(true, new(0, 12020)));

    [Fact]
    public void GpuDriver_Problem_OnThisMachine_SaysWhatTheBuildIs()
    {
        // the tests are built for CPUs, unless asked otherwise: then a GPU must be there
        if (!GpuDriver.IsGpuBuild)
        {
            Assert.Contains("built for CPUs", GpuDriver.Problem);
        }
    }
}
