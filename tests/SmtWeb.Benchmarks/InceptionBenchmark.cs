using System.Diagnostics;
using System.Globalization;
using SmtWeb.Measures.Inception;

namespace SmtWeb.Benchmarks;

/// <summary>Features of 299×299 images with Inception-v3: ours against torchvision's, random weights, taking turns in one run.</summary>
internal static class InceptionBenchmark
{
    private const int Batch = 32;

    public static void Run(Options options)
    {
        var batches = options.Iterations > 0 ? options.Iterations : 3;
        using var outer = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        using var random = new Generator(0, torch.CPU);
        var weights = InceptionWeights
            .Needed()
            .ToDictionary(
                n => n.Name,
                n =>
                    n.Name.EndsWith("running_var", StringComparison.Ordinal)
                        ? torch.ones(n.Shape)
                        : torch.randn(n.Shape, generator: random) * 0.02
            );
        using var network = new InceptionNetwork(weights, torch.CPU);
        var x = torch.randn([Batch, 3, 299, 299], generator: random);
        Time(network, x, 1);
        for (var round = 1; round <= options.Rounds; round++)
        {
            var ours = Time(network, x, batches);
            var peer = Peer.Run("inception_forward.py", Text(options.Threads), Text(Batch), Text(batches));
            var theirs = peer.GetProperty("images_per_second").GetDouble();
            var processor = peer.GetProperty("processor_seconds_per_image").GetDouble();
            Console.WriteLine(
                $"  round {round}: ours {ours.Rate:F2} images/s ({ours.Processor * 1000:F0} ms processor time an image)   torchvision "
                    + $"{peer.GetProperty("version").GetString()} {theirs:F2} images/s ({processor * 1000:F0} ms)   ratio "
                    + $"{ours.Rate / theirs:F2}, by processor time {processor / ours.Processor:F2}"
            );
        }
    }

    private static (double Rate, double Processor) Time(InceptionNetwork network, Tensor x, int batches)
    {
        var processor = Process.GetCurrentProcess().TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        for (var k = 0; k < batches; k++)
        {
            using var scope = torch.NewDisposeScope();
            network.Features(x);
        }
        var used = Process.GetCurrentProcess().TotalProcessorTime - processor;
        return (Batch * batches / clock.Elapsed.TotalSeconds, used.TotalSeconds / (Batch * batches));
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
