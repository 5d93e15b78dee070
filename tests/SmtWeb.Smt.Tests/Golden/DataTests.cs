using SmtWeb.Data.Formats;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The readers of data sets against files that other programs wrote: pixels and labels exactly.</summary>
public sealed class DataTests
{
    public static TheoryData<string> CifarBinary => GoldenCase.OfKind("data_cifar10_bin");

    public static TheoryData<string> CifarPython => GoldenCase.OfKind("data_cifar10_py");

    public static TheoryData<string> Idx => GoldenCase.OfKind("data_idx");

    public static TheoryData<string> Lmdb => GoldenCase.OfKind("data_lmdb");

    public static TheoryData<string> EdmZip => GoldenCase.OfKind("data_edm_zip");

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(CifarBinary))]
    public void Cifar10_Binary_GivesItsImagesAndLabels(string id)
    {
        var golden = GoldenCase.Load(id);
        var batch = golden.AuxiliaryFile("bin");
        foreach (var path in new[] { batch, Path.GetDirectoryName(batch)!, golden.Folder, golden.AuxiliaryFile("tar") })
        {
            Verify(golden, Cifar10.Open(path));
        }
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(CifarPython))]
    public void Cifar10_Python_GivesItsImagesAndLabels(string id)
    {
        var golden = GoldenCase.Load(id);
        var batch = golden.AuxiliaryFile("py");
        foreach (var path in new[] { batch, Path.GetDirectoryName(batch)!, golden.Folder, golden.AuxiliaryFile("tar") })
        {
            Verify(golden, Cifar10.Open(path));
        }
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(Idx))]
    public void Idx_PaddedAndResized_GivesItsImages(string id)
    {
        var golden = GoldenCase.Load(id);
        var path = golden.AuxiliaryFile("images");
        foreach (var (name, fit) in new[] { ("padded32_u8", ImageFit.Pad), ("resized32_u8", ImageFit.Resize) })
        {
            var side = (int)golden.Expect(name).Tensor.Shape[1];
            using var source = IdxSource.Open(path, side, fit);
            var (images, labels) = ReadAll(source);
            golden.Expect(name).Verify(images);
            golden.Expect("labels").Verify(labels);
        }
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(Lmdb))]
    public void Lmdb_FolderOrFile_GivesItsImagesAndLabels(string id)
    {
        var golden = GoldenCase.Load(id);
        var file = golden.AuxiliaryFile("data");
        foreach (var path in new[] { file, Path.GetDirectoryName(file)! })
        {
            using var source = new LmdbSource(path);
            Assert.Equal(golden.Config.GetProperty("records").GetInt32(), source.Count);
            Assert.Equal(golden.Config.GetProperty("resolution").GetInt32(), source.Side);
            Verify(golden, source);
        }

        Assert.False(File.Exists(Path.Combine(Path.GetDirectoryName(file)!, "lock.mdb")), "reading must not write");
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(EdmZip))]
    public void Zip_OfEdm_GivesItsImagesAndLabels(string id)
    {
        var golden = GoldenCase.Load(id);
        using var source = new ZipSource(golden.AuxiliaryFile("zip"));
        Assert.Equal(golden.Config.GetProperty("resolution").GetInt32(), source.Side);
        Assert.Equal(golden.Config.GetProperty("channels").GetInt32(), source.Channels);
        Assert.Equal(golden.Values.GetProperty("label_dim").GetInt32(), source.Classes);
        var names = golden.Values.GetProperty("names").EnumerateArray().Select(n => n.GetString()).Where(n => n != "dataset.json");
        Assert.Equal(names, Enumerable.Range(0, source.Count).Select(source.NameOf));
        var labels = Verify(golden, source);
        if (golden.Expects("onehot"))
        {
            golden
                .Expect("onehot")
                .Verify([.. labels.SelectMany(label => Enumerable.Range(0, source.Classes).Select(k => k == label ? 1f : 0f))]);
        }
    }

    private static long[] Verify(GoldenCase golden, ImageSource opened)
    {
        using var source = opened;
        var (images, labels) = ReadAll(source);
        golden.Expect("images_u8").Verify(images);
        if (golden.Expects("labels"))
        {
            golden.Expect("labels").Verify(labels);
        }
        else
        {
            Assert.All(labels, label => Assert.Equal(-1, label));
        }
        if (golden.Expects("images_smt"))
        {
            golden.Expect("images_smt").Verify(Array.ConvertAll(images, b => (b / 127.5f) - 1));
        }
        return labels;
    }

    private static (byte[] Images, long[] Labels) ReadAll(ImageSource source)
    {
        var images = new byte[source.Count * source.ImageBytes];
        var labels = new long[source.Count];
        for (var i = 0; i < source.Count; i++)
        {
            labels[i] = source.Read(i, images.AsSpan(i * source.ImageBytes, source.ImageBytes));
        }
        return (images, labels);
    }
}
