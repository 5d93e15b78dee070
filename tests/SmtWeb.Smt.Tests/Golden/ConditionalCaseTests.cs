using System.Text.Json.Nodes;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>
/// The harness passes the labels of a case to its network. The set has no such case of denoising training, so one is made of one
/// without classes: a label layer whose bias takes back exactly what the class of every row adds leaves all expected numbers as
/// they are, but only where the labels arrive.
/// </summary>
[Trait("Category", "Golden")]
public sealed class ConditionalCaseTests : TensorTest
{
    private const int Classes = 4; // √4 is exact
    private const int Class = 1;

    public static TheoryData<string> Cases => GoldenCase.OfKind("edm_loss");

    [Theory, MemberData(nameof(Cases))]
    public void DenoisingLoss_OfACaseWithLabels_TakesThem(string id)
    {
        if (GoldenCase.Load(id).HasInput("labels"))
        {
            Assert.Skip("This set has labels itself.");
        }
        var folder = Directory.CreateTempSubdirectory("smtweb-golden-").FullName;
        try
        {
            Write(GoldenCase.Load(id), folder, withLabels: true);
            using (var losses = new LossTests())
            {
                losses.DenoisingLoss_GivenDraws_GivesReferenceLossAndGradients(folder);
            }
            Write(GoldenCase.Load(id), folder, withLabels: false);
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(() =>
                new LossTests().DenoisingLoss_GivenDraws_GivesReferenceLossAndGradients(folder)
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(GoldenCase golden, string folder, bool withLabels)
    {
        var json = JsonNode.Parse(File.ReadAllBytes(Path.Combine(golden.Folder, "case.json")))!.AsObject();
        json["config"]!["network"]!["label_dim"] = Classes;
        json.Remove("weights_formula");
        (json["data"], json["weights"]) = ("data.safetensors", "weights.safetensors");
        File.WriteAllText(Path.Combine(folder, "case.json"), json.ToJsonString());

        var channels = json["config"]!["network"]!["model_channels"]!.GetValue<int>();
        var (weight, bias) = (new float[channels * Classes], new float[channels]);
        for (var c = 0; c < channels; c++)
        {
            weight[(c * Classes) + Class] = MathF.ScaleB(c % 2 == 0 ? 1 : -1, -(c % 3));
            bias[c] = -2 * weight[(c * Classes) + Class]; // the layer sees the one-hot row times √4
        }
        List<SafetensorsSource> weights =
        [
            Source("model.map_label.weight", [channels, Classes], weight),
            Source("model.map_label.bias", [channels], bias),
            .. golden.Weights().Select(w => new SafetensorsSource(w.Name, w.Type, w.Shape, w.Bytes)),
        ];
        using (var file = File.Create(Path.Combine(folder, "weights.safetensors")))
        {
            SafetensorsWriter.Write(file, weights, new Dictionary<string, string>());
        }

        var (_, tensors) = SafetensorsReader.ReadFile(Path.Combine(golden.Folder, "data.safetensors"));
        var data = tensors.Select(t => new SafetensorsSource(t.Key, t.Value.Entry.Type, t.Value.Entry.Shape, t.Value.Bytes)).ToList();
        var rows = (int)golden.Input("images").Shape[0];
        var labels = new float[rows * Classes];
        for (var k = 0; k < rows; k++)
        {
            labels[(k * Classes) + Class] = 1;
        }
        if (withLabels)
        {
            data.Add(Source("in.labels", [rows, Classes], labels));
        }
        using (var file = File.Create(Path.Combine(folder, "data.safetensors")))
        {
            SafetensorsWriter.Write(file, data, new Dictionary<string, string>());
        }
    }

    private static SafetensorsSource Source(string name, long[] shape, float[] values) =>
        new(name, SafetensorsType.F32, shape, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}
