using System.Diagnostics;
using System.Net.Sockets;
using SmtWeb.Data.Files;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Data.Weights;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Teachers;

namespace SmtWeb.Smt.Tests.Files;

/// <summary>Pipes, devices, sockets and folders in the place of files: every reader names them, none waits for them.</summary>
public sealed class PlainFileTests : IDisposable
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(20); // a reader that waits for a pipe waits for ever

    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-plain-").FullName;

    public static TheoryData<string> Readers => new(All.Keys);

    private static Dictionary<string, (string Name, Action<string> Read)> All { get; } =
        new()
        {
            ["tar"] = ("cifar-10-binary.tar.gz", p => Cifar10.Open(p).Dispose()),
            ["batch of CIFAR-10"] = ("data_batch_1.bin", p => Cifar10.Open(p).Dispose()),
            ["pickled batch"] = ("data_batch_1", p => Cifar10.Open(p).Dispose()),
            ["folder of CIFAR-10"] = ("data_batch_2.bin", p => Cifar10.Open(Path.GetDirectoryName(p)!).Dispose()),
            ["IDX"] = ("train-images-idx3-ubyte", p => IdxSource.Open(p).Dispose()),
            ["gzip IDX"] = ("train-images-idx3-ubyte.gz", p => IdxSource.Open(p).Dispose()),
            ["zip"] = ("data.zip", p => new ZipSource(p).Dispose()),
            ["LMDB"] = ("data.mdb", p => new LmdbSource(Path.GetDirectoryName(p)!).Dispose()),
            ["npz"] = ("stats.npz", p => ReferenceStatistics.Read(p)),
            ["EDM2 statistics"] = ("stats.pkl", p => ReferenceStatistics.Read(p)),
            ["pickle"] = ("network.pkl", p => WeightsFile.Open(p).Dispose()),
            ["pth"] = ("network.pth", p => WeightsFile.Open(p).Dispose()),
            ["safetensors"] = ("network.safetensors", p => WeightsFile.Open(p).Dispose()),
            ["safetensors at once"] = ("all.safetensors", p => SafetensorsReader.ReadFile(p)),
            ["teacher"] = ("teacher.pkl", p => TeacherImport.Open(p, null).Dispose()),
            ["statistics of a path"] = ("images.zip", p => EvaluationImages.Open(p).Dispose()),
        };

    [Theory]
    [MemberData(nameof(Readers))]
    public async Task Reader_OfPipeDeviceSocketOrFolder_NamesItAtOnce(string reader)
    {
        var (name, read) = All[reader];
        var path = Path.Combine(_folder, name);
        MakePipe(path);
        await RefusedAsync("a named pipe");
        File.Delete(path);
        File.CreateSymbolicLink(path, "/dev/zero");
        await RefusedAsync("a device");
        File.Delete(path);
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            await RefusedAsync("a socket");
        }

        async Task RefusedAsync(string kind)
        {
            var error = await Assert.ThrowsAsync<IrregularFileException>(() =>
                Task.Run(() => read(path)).WaitAsync(AtOnce, TestContext.Current.CancellationToken)
            );
            Assert.Contains($"{path}: is {kind}", error.Message);
        }
    }

    [Fact]
    public void OpenRead_FolderMissingAndForbidden_AreToldApart()
    {
        Assert.Contains("is a folder", Assert.Throws<IrregularFileException>(() => PlainFile.OpenRead(_folder)).Message);
        Assert.Contains(
            "no such file",
            Assert.Throws<FileNotFoundException>(() => PlainFile.OpenRead(Path.Combine(_folder, "nothing"))).Message
        );
        Assert.Throws<FileNotFoundException>(() => PlainFile.OpenRead(Path.Combine(_folder, "file", "below")));
        var file = Path.Combine(_folder, "file");
        File.WriteAllBytes(file, [1, 2, 3]);
        Assert.Throws<FileNotFoundException>(() => PlainFile.OpenRead(Path.Combine(file, "below")));
        Assert.Equal([1, 2, 3], PlainFile.ReadAllBytes(file, 3));
        Assert.Contains("3 bytes; at most 2", Assert.Throws<InvalidDataException>(() => PlainFile.ReadAllBytes(file, 2)).Message);
        PlainFile.EnsureFileOrFolder(_folder);
        Assert.True(PlainFile.Exists(file));
        Assert.False(PlainFile.Exists(_folder));
    }

    [Fact]
    public async Task Check_PipeBesideImages_IsNeitherReadNorHashed()
    {
        var images = Path.Combine(_folder, "images");
        Directory.CreateDirectory(images);
        File.WriteAllBytes(Path.Combine(images, "0.png"), new Raster(8, 8, 1, new byte[64]).ToPng());
        var (before, _) = Run();
        MakePipe(Path.Combine(images, "notes"));
        var (report, _) = await Task.Run(Run).WaitAsync(AtOnce, TestContext.Current.CancellationToken);
        Assert.Equal((1, before.Sha256), (report.Records, report.Sha256));

        (DatasetReport Report, byte[] Samples) Run() =>
            DatasetCheck.Run(new FolderSpec(), images, skip: false, _ => { }, TestContext.Current.CancellationToken);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A named pipe that nobody writes into.</summary>
    internal static void MakePipe(string path)
    {
        using var made = Process.Start("mkfifo", [path]);
        made.WaitForExit();
        Assert.Equal(0, made.ExitCode);
    }
}
