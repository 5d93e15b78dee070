using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.PyTorch;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Files of EDM become teachers that give the reference's numbers.</summary>
[Trait("Category", "Golden")]
public sealed class TeacherTests : TensorTest
{
    public static TheoryData<string> Snapshots => GoldenCase.OfKind("edm_pickle");

    [Theory, MemberData(nameof(Snapshots))]
    public void Import_EveryFormOfTheSnapshot_DenoisesLikeTheReference(string id)
    {
        var golden = GoldenCase.Load(id);
        foreach (var role in golden.AuxiliaryRoles)
        {
            using var scope = torch.NewDisposeScope();
            using var file = new MemoryStream();
            using (var import = TeacherImport.Open(golden.AuxiliaryFile(role), "teacher"))
            {
                VerifyDescription(golden, import.Description, plain: role.EndsWith(".pth", StringComparison.Ordinal));
                long reported = 0;
                import.Write(file, new Reporter(bytes => reported = bytes), TestContext.Current.CancellationToken);
                Assert.Equal(import.Bytes, reported);
            }

            file.Position = 0;
            var (description, denoiser) = TeacherFile.Load(file);
            using var network = denoiser;
            Assert.Equal("teacher", description.Name);
            Assert.Equal(network.ParameterCount(), description.Parameters);
            golden.Verify("D", network.forward(golden.Tensor("x"), golden.Tensor("sigma"), null, golden.Labels(network.Classes)));

            // the same file as a run of distillation reads it
            file.Position = 0;
            using var random = new Generator(0, torch.CPU);
            using var student = new ImageDenoiser(description.Options(), random).Evaluating();
            Teacher.Read("teacher", file).CopyTo(student);
            golden.Verify("D", student.forward(golden.Tensor("x"), golden.Tensor("sigma"), null, golden.Labels(network.Classes)));
        }
    }

    [Theory, MemberData(nameof(Snapshots))]
    public void Import_DamagedStateDict_ListsWhatDoesNotFit(string id)
    {
        var golden = GoldenCase.Load(id);
        var weights = golden
            .Weights()
            .Where(w => !w.Name.StartsWith("model.map_augment", StringComparison.Ordinal))
            .Select(w => new SafetensorsSource(w.Name, w.Type, w.Shape, w.Bytes))
            .ToList();
        var bias = weights.FindIndex(w => w.Name == "model.map_layer1.bias");
        var elements = weights[bias].Shape[0];
        weights[bias] = new SafetensorsSource("model.map_layer1.bias", SafetensorsType.F32, [elements, 1], new byte[elements * 4]);
        weights.RemoveAll(w => w.Name == "model.map_layer1.weight");
        weights.Add(new SafetensorsSource("model.map_noise.freqs", SafetensorsType.F32, [1], new byte[4]));

        var message = Refusal(weights);
        Assert.Contains("1 missing: model.map_layer1.weight", message);
        Assert.Contains("1 unexpected: model.map_noise.freqs", message);
        Assert.Contains("1 misshapen: model.map_layer1.bias", message);
    }

    [Theory, MemberData(nameof(Snapshots))]
    public void Write_WeightThatIsNotFinite_IsRefused(string id)
    {
        var golden = GoldenCase.Load(id);
        var weights = golden.Weights().Select(w => new SafetensorsSource(w.Name, w.Type, w.Shape, w.Bytes)).ToList();
        var last = weights[^1];
        weights[^1] = new SafetensorsSource(
            last.Name,
            last.Type,
            last.Shape,
            Enumerable.Range(0, (int)last.ByteCount / 4).SelectMany(_ => BitConverter.GetBytes(float.NaN)).ToArray()
        );
        Assert.Contains($"{last.Name} holds values that are not finite", Refusal(weights));
    }

    [Theory]
    [InlineData("zoo.pth")]
    public void Import_OtherTensors_SaysWhatItLookedFor(string role)
    {
        foreach (var row in GoldenCase.OfKind("torch_zoo"))
        {
            Assert.Contains(
                "no U-Net under EDM preconditioning",
                Assert.Throws<WeightsException>(() => TeacherImport.Open(GoldenCase.Load(row.Data).AuxiliaryFile(role))).Message
            );
        }
    }

    private static string Refusal(List<SafetensorsSource> weights)
    {
        var path = Path.Combine(Path.GetTempPath(), $"smtweb-{Guid.NewGuid():N}.pth");
        try
        {
            using (var file = File.Create(path))
            {
                StateDictWriter.Write(file, weights);
            }
            return Assert
                .Throws<WeightsException>(() =>
                {
                    using var import = TeacherImport.Open(path);
                    import.Write(Stream.Null, null, TestContext.Current.CancellationToken);
                })
                .Message;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void VerifyDescription(GoldenCase golden, TeacherDescription description, bool plain)
    {
        var net = golden.Config.GetProperty("network");
        var network = Assert.IsType<UNetSpec>(description.Network, exactMatch: false);
        Assert.Equal(golden.Config.GetProperty("model_type").GetString() == "SongUNet", network is DdpmPpSpec);
        Assert.Equal(net.Int("img_resolution"), description.Resolution);
        Assert.Equal(net.Int("img_channels"), description.Channels);
        Assert.Equal(net.Int("label_dim"), description.Classes);
        Assert.Equal(net.Int("model_channels"), network.ModelChannels);
        if (net.Ints("channel_mult") is { } multipliers)
        {
            Assert.Equal(multipliers, network.ChannelMultipliers);
        }
        Assert.Equal(net.Int("channel_mult_emb", 4), network.EmbeddingMultiplier);
        if (net.Int("num_blocks") is > 0 and var blocks)
        {
            Assert.Equal(blocks, network.BlocksPerLevel);
        }

        // ADM has no attention in blocks narrower than a head, wherever it is asked for
        if (network is DdpmPpSpec && net.Ints("attn_resolutions") is { } attention)
        {
            Assert.Equal(attention, network.AttentionResolutions);
        }
        Assert.Equal(plain ? 0 : net.Double("dropout", 0.1), network.ScoreDropout);
        Assert.Equal(description, TeacherFile.FromJson(TeacherFile.ToJson(description)) with { Network = description.Network });
    }

    private sealed class Reporter(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
