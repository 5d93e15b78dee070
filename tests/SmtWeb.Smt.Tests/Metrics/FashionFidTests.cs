using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Measures;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>The fixed feature network against its check values, and FID of real images against its reference.</summary>
public sealed class FashionFidTests : TensorTest
{
    [Fact]
    public void Features_CheckImages_AreTheCheckValues()
    {
        using var scope = torch.NewDisposeScope();
        var (_, check) = SafetensorsReader.ReadFile(Path.Combine(FashionFid.Folder, "check.safetensors"));
        var images = TensorFile.ToTensor(check["images_u8"].Entry, check["images_u8"].Bytes, torch.CPU);
        var padded = torch.zeros([16, 32, 32], ScalarType.Byte);
        padded.narrow(1, 2, 28).narrow(2, 2, 28).copy_(images);
        using var fid = FashionFid.Open(torch.CPU);
        var features = fid.Features(padded.ToArray<byte>(), 16);
        var expected = TensorFile.ToTensor(check["features"].Entry, check["features"].Bytes, torch.CPU).ToArray<float>();
        for (var k = 0; k < expected.Length; k++)
        {
            Assert.Equal(expected[k], features[k], 1e-4f);
        }

        using var network = FashionFeatures.Load(Path.Combine(FashionFid.Folder, "features.safetensors"), torch.CPU);
        using var _2 = torch.no_grad();
        var logits = network.Classify(Tensors.Of(features, [16, 128])).ToArray<float>();
        var expectedLogits = TensorFile.ToTensor(check["logits"].Entry, check["logits"].Bytes, torch.CPU).ToArray<float>();
        for (var k = 0; k < logits.Length; k++)
        {
            Assert.Equal(expectedLogits[k], logits[k], 1e-3f);
        }
    }

    [Fact]
    public void Distance_OfTrainingImages_IsNearlyZero_AndOfNoiseIsLarge()
    {
        if (!File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
        {
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        }
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        using var fid = FashionFid.Open(torch.CPU);
        var data = FashionMnist.Load();
        Tensor Real(int from, int count) =>
            Tensors.Of(data.Images.AsSpan(from * 1024, count * 1024).ToArray(), [count, 1, 32, 32]).to(ScalarType.Float32) / 127.5 - 1;
        Assert.InRange(fid.Distance(Real, 10_000), 0, 12);
        Assert.True(fid.Distance((_, count) => torch.randn([count, 1, 32, 32], generator: random), 1000) > 500);
    }
}
