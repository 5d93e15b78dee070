using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

// no namespace of the folder's name: it would hide SmtWeb.Smt.Networks from the other tests
namespace SmtWeb.Smt.Tests;

/// <summary>What holds for a U-Net whatever its weights.</summary>
public sealed class UNetTests : TensorTest
{
    public static TheoryData<UNetOptions> Architectures =>
        [
            Small(new DdpmPlusPlusOptions { Resolution = 8, ImageChannels = 3 }),
            Small(
                new AdmOptions
                {
                    Resolution = 8,
                    ImageChannels = 3,
                    ChannelsPerHead = 16,
                }
            ),
        ];

    [Theory, MemberData(nameof(Architectures))]
    public void InitialiseFrom_NetworkWithoutAlpha_IsThatDenoiserForEveryAlpha(UNetOptions options)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        using var random = new Generator(1, torch.CPU);
        foreach (var form in new[] { AlphaEmbedding.Paper, AlphaEmbedding.ReleasedPositional })
        {
            using var plain = Scrambled(options, random);
            using var amortized = Scrambled(options with { Alpha = form }, random);
            var (x, σ, labels) = (
                torch.randn([2, 3, 8, 8], generator: random),
                Tensors.Of([0.3f, 4f], [2]),
                Tensors.Of([1f, 0, 0, 1], [2, 2])
            );
            var D = plain.forward(x, σ, null, labels);
            Assert.True(Distance(D, amortized.forward(x, σ, Tensors.Of([0.2f, 0.9f], [2]), labels)) > 1e-3);
            amortized.InitialiseFrom(plain);
            Assert.True(Distance(D, amortized.forward(x, σ, Tensors.Of([0.2f, 0.9f], [2]), labels)) < 1e-5);
        }
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Forward_EveryAlphaForm_TellsAlphasApartAndTrainsWhatReadsThem(UNetOptions options)
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(2, torch.CPU);
        foreach (var form in Enum.GetValues<AlphaEmbedding>())
        {
            using var network = Scrambled(options with { Alpha = form }, random);
            var x = torch.randn([1, 3, 8, 8], generator: random);
            Tensor At(float α) => network.forward(x, torch.ones([1]), Tensors.Of([α], [1]), null);
            Assert.True(Distance(At(0.25f), At(0.75f)) > 1e-4, form.ToString());
            At(0.25f).square().sum().backward();
            foreach (var (name, p) in network.ParameterEntries().Where(p => p.Name.Contains("alpha", StringComparison.Ordinal)))
            {
                Assert.True(p.grad!.norm().ToDouble() > 0, name);
            }
            Assert.Throws<ArgumentNullException>(() => network.forward(x, torch.ones([1]), null, null));
        }
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Forward_BFloat16Body_ComesNearFloat32AndReturnsFloat32(UNetOptions options)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        using var random = new Generator(3, torch.CPU);
        using var exact = Scrambled(options, random);
        using var rounded = new ImageDenoiser(options with { BodyType = ScalarType.BFloat16 }, random).Evaluating();
        rounded.CopyFrom(exact);
        var bodies = new List<ScalarType>();
        rounded.Model.Trace = (name, y) => bodies.Add(y.dtype);
        var (x, σ) = (torch.randn([2, 3, 8, 8], generator: random), Tensors.Of([0.5f, 20f], [2]));
        var (c_skip, c_out, c_in, c_noise) = EdmPrecond.Coefficients(σ, 0.5);
        var (F, G) = (exact.Raw(x, c_noise, null, null, null), rounded.Raw(x, c_noise, null, null, null));
        rounded.Model.Trace = null;
        Assert.All(bodies, t => Assert.Equal(ScalarType.BFloat16, t));
        Assert.Equal(ScalarType.Float32, G.dtype);
        Assert.Equal(ScalarType.Float32, rounded.Bottleneck(x, σ, null, null).dtype);
        Assert.All(rounded.StateEntries(), e => Assert.Equal(ScalarType.Float32, e.Value.dtype));
        var error = (F - G).norm().ToDouble() / F.norm().ToDouble();
        Assert.InRange(error, 1e-6, 0.03);
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Forward_Dropout_ActsInTrainingOnlyAndFollowsTheGenerator(UNetOptions options)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        using var random = new Generator(4, torch.CPU);
        using var network = Scrambled(options with { Dropout = 0.1 }, random);
        var x = torch.randn([1, 3, 8, 8], generator: random);
        Tensor Run() => network.forward(x, torch.ones([1]), null, null);
        Assert.Equal(0, Distance(Run(), Run()));
        network.train();
        random.manual_seed(5);
        var first = Run();
        Assert.True(Distance(first, Run()) > 0);
        random.manual_seed(5);
        Assert.Equal(0, Distance(first, Run()));
    }

    [Fact]
    public void Adm_Fresh_PassesOnlyTheSkipOfThePreconditioning()
    {
        // the last layer starts at zero: F = 0 and D = c_skip x
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        using var random = new Generator(6, torch.CPU);
        using var network = new ImageDenoiser(Small(new AdmOptions { Resolution = 8, ImageChannels = 3 }), random).Evaluating();
        var (x, σ) = (torch.randn([2, 3, 8, 8], generator: random), Tensors.Of([0.5f, 2f], [2]));
        var (c_skip, _, _, _) = EdmPrecond.Coefficients(σ, 0.5);
        Assert.Equal(0, Distance(network.forward(x, σ, null, null), EdmPrecond.Like(c_skip, x) * x));
    }

    [Fact]
    public void Adm_FewerChannelsThanAHead_HasNoAttention()
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(7, torch.CPU);
        using var network = new ImageDenoiser(
            Small(
                new AdmOptions
                {
                    Resolution = 8,
                    ImageChannels = 3,
                    ChannelsPerHead = 32,
                }
            ),
            random
        );
        var attending = network
            .ParameterEntries()
            .Where(p => p.Name.EndsWith("qkv.weight", StringComparison.Ordinal))
            .Select(p => p.Name)
            .ToList();
        // 16 channels at 8×8, 32 at 4×4: only the lower level has a head
        Assert.Equal(
            [
                "model.enc.4x4_block0.qkv.weight",
                "model.dec.4x4_in0.qkv.weight",
                "model.dec.4x4_block0.qkv.weight",
                "model.dec.4x4_block1.qkv.weight",
            ],
            attending
        );
    }

    private static UNetOptions Small(UNetOptions options) =>
        options with
        {
            Classes = 2,
            ModelChannels = 16,
            ChannelMultipliers = [1, 2],
            BlocksPerLevel = 1,
            AttentionResolutions = [8, 4],
        };

    /// <summary>A network whose last layers, which start at or near zero, are random like the others.</summary>
    private static ImageDenoiser Scrambled(UNetOptions options, Generator random)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var network = new ImageDenoiser(options, random).Evaluating();
        foreach (var (_, p) in network.ParameterEntries())
        {
            if (p.dim() > 1)
            {
                p.copy_(torch.randn(p.shape, generator: random) / Math.Sqrt(p.numel() / (double)p.size(0)));
            }
        }
        return network;
    }

    private static double Distance(Tensor a, Tensor b) => (a - b).norm().ToDouble();
}
