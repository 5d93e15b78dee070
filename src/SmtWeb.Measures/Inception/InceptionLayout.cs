namespace SmtWeb.Measures.Inception;

/// <summary>
/// One convolution with its normalisation: kernel <paramref name="Height"/>×<paramref name="Width"/>, padded by
/// (<paramref name="PadHeight"/>, <paramref name="PadWidth"/>). <paramref name="Name"/> is that of the published PyTorch
/// files; <paramref name="GraphName"/> that of the TensorFlow graph, which NVIDIA's files keep.
/// </summary>
internal sealed record InceptionConvolution(
    string Name,
    string GraphName,
    int Inputs,
    int Outputs,
    int Height,
    int Width,
    int Stride,
    int PadHeight,
    int PadWidth
)
{
    /// <summary>Shape of the weight.</summary>
    internal long[] Shape => [Outputs, Inputs, Height, Width];
}

/// <summary>The layers of Inception-v3 (Szegedy et al. 2016) as TensorFlow published it on 2015-12-05, with 1008 classes.</summary>
internal static class InceptionLayout
{
    /// <summary>Sides of the network's input.</summary>
    internal const int Side = 299;

    /// <summary>Features of the last pooling layer.</summary>
    internal const int Features = 2048;

    /// <summary>Classes of the published network: 1,000 and 8 that are not used.</summary>
    internal const int Classes = 1008;

    /// <summary>Every convolution, in the order of the state dict.</summary>
    internal static IReadOnlyList<InceptionConvolution> Convolutions { get; } = Build();

    private static List<InceptionConvolution> Build()
    {
        List<InceptionConvolution> all = [];
        Add("Conv2d_1a_3x3", "conv", 3, 32, 3, 3, stride: 2, same: false);
        Add("Conv2d_2a_3x3", "conv_1", 32, 32, 3, 3, same: false);
        Add("Conv2d_2b_3x3", "conv_2", 32, 64, 3, 3);
        Add("Conv2d_3b_1x1", "conv_3", 64, 80, 1, 1);
        Add("Conv2d_4a_3x3", "conv_4", 80, 192, 3, 3, same: false);
        BlockA("Mixed_5b", "mixed", 192, 32);
        BlockA("Mixed_5c", "mixed_1", 256, 64);
        BlockA("Mixed_5d", "mixed_2", 288, 64);
        Add("Mixed_6a.branch3x3", "mixed_3.conv", 288, 384, 3, 3, stride: 2, same: false);
        Add("Mixed_6a.branch3x3dbl_1", "mixed_3.tower.conv", 288, 64, 1, 1);
        Add("Mixed_6a.branch3x3dbl_2", "mixed_3.tower.conv_1", 64, 96, 3, 3);
        Add("Mixed_6a.branch3x3dbl_3", "mixed_3.tower.conv_2", 96, 96, 3, 3, stride: 2, same: false);
        BlockC("Mixed_6b", "mixed_4", 128);
        BlockC("Mixed_6c", "mixed_5", 160);
        BlockC("Mixed_6d", "mixed_6", 160);
        BlockC("Mixed_6e", "mixed_7", 192);
        Add("Mixed_7a.branch3x3_1", "mixed_8.tower.conv", 768, 192, 1, 1);
        Add("Mixed_7a.branch3x3_2", "mixed_8.tower.conv_1", 192, 320, 3, 3, stride: 2, same: false);
        Add("Mixed_7a.branch7x7x3_1", "mixed_8.tower_1.conv", 768, 192, 1, 1);
        Add("Mixed_7a.branch7x7x3_2", "mixed_8.tower_1.conv_1", 192, 192, 1, 7);
        Add("Mixed_7a.branch7x7x3_3", "mixed_8.tower_1.conv_2", 192, 192, 7, 1);
        Add("Mixed_7a.branch7x7x3_4", "mixed_8.tower_1.conv_3", 192, 192, 3, 3, stride: 2, same: false);
        BlockE("Mixed_7b", "mixed_9", 1280);
        BlockE("Mixed_7c", "mixed_10", 2048);
        return all;

        void Add(string name, string graph, int inputs, int outputs, int height, int width, int stride = 1, bool same = true) =>
            all.Add(new(name, graph, inputs, outputs, height, width, stride, same ? height / 2 : 0, same ? width / 2 : 0));

        void BlockA(string name, string graph, int inputs, int pooled)
        {
            Add($"{name}.branch1x1", $"{graph}.conv", inputs, 64, 1, 1);
            Add($"{name}.branch5x5_1", $"{graph}.tower.conv", inputs, 48, 1, 1);
            Add($"{name}.branch5x5_2", $"{graph}.tower.conv_1", 48, 64, 5, 5);
            Add($"{name}.branch3x3dbl_1", $"{graph}.tower_1.conv", inputs, 64, 1, 1);
            Add($"{name}.branch3x3dbl_2", $"{graph}.tower_1.conv_1", 64, 96, 3, 3);
            Add($"{name}.branch3x3dbl_3", $"{graph}.tower_1.conv_2", 96, 96, 3, 3);
            Add($"{name}.branch_pool", $"{graph}.tower_2.conv", inputs, pooled, 1, 1);
        }

        void BlockC(string name, string graph, int width)
        {
            Add($"{name}.branch1x1", $"{graph}.conv", 768, 192, 1, 1);
            Add($"{name}.branch7x7_1", $"{graph}.tower.conv", 768, width, 1, 1);
            Add($"{name}.branch7x7_2", $"{graph}.tower.conv_1", width, width, 1, 7);
            Add($"{name}.branch7x7_3", $"{graph}.tower.conv_2", width, 192, 7, 1);
            Add($"{name}.branch7x7dbl_1", $"{graph}.tower_1.conv", 768, width, 1, 1);
            Add($"{name}.branch7x7dbl_2", $"{graph}.tower_1.conv_1", width, width, 7, 1);
            Add($"{name}.branch7x7dbl_3", $"{graph}.tower_1.conv_2", width, width, 1, 7);
            Add($"{name}.branch7x7dbl_4", $"{graph}.tower_1.conv_3", width, width, 7, 1);
            Add($"{name}.branch7x7dbl_5", $"{graph}.tower_1.conv_4", width, 192, 1, 7);
            Add($"{name}.branch_pool", $"{graph}.tower_2.conv", 768, 192, 1, 1);
        }

        void BlockE(string name, string graph, int inputs)
        {
            Add($"{name}.branch1x1", $"{graph}.conv", inputs, 320, 1, 1);
            Add($"{name}.branch3x3_1", $"{graph}.tower.conv", inputs, 384, 1, 1);
            Add($"{name}.branch3x3_2a", $"{graph}.tower.mixed.conv", 384, 384, 1, 3);
            Add($"{name}.branch3x3_2b", $"{graph}.tower.mixed.conv_1", 384, 384, 3, 1);
            Add($"{name}.branch3x3dbl_1", $"{graph}.tower_1.conv", inputs, 448, 1, 1);
            Add($"{name}.branch3x3dbl_2", $"{graph}.tower_1.conv_1", 448, 384, 3, 3);
            Add($"{name}.branch3x3dbl_3a", $"{graph}.tower_1.mixed.conv", 384, 384, 1, 3);
            Add($"{name}.branch3x3dbl_3b", $"{graph}.tower_1.mixed.conv_1", 384, 384, 3, 1);
            Add($"{name}.branch_pool", $"{graph}.tower_2.conv", inputs, 192, 1, 1);
        }
    }
}
