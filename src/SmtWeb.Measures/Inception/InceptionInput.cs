using SmtWeb.Torch;

namespace SmtWeb.Measures.Inception;

/// <summary>How images become Inception's 299×299 input. Numbers measured with different ones do not compare.</summary>
public enum InceptionResize
{
    /// <summary>
    /// TensorFlow 1's bilinear resize, of EDM, StyleGAN and torch-fidelity: source pixel j·W/299 without the half-pixel
    /// shift, then (x - 128)/128.
    /// </summary>
    Tf1,

    /// <summary>pytorch-fid's: bilinear with half-pixel centres, no antialiasing, then x/127.5 - 1.</summary>
    PytorchFid,
}

/// <summary>Images as Inception takes them.</summary>
public static class InceptionInput
{
    /// <summary>The name of a resize in records and on the command line.</summary>
    public static string NameOf(InceptionResize resize) =>
        resize switch
        {
            InceptionResize.Tf1 => "tf1",
            InceptionResize.PytorchFid => "pytorch-fid",
        };

    /// <summary>
    /// Images of bytes [N,C,H,W] (grey or colour) → float32 [N,3,299,299]. Resizing is separable: two products with
    /// matrices that hold two weights a row.
    /// </summary>
    /// <exception cref="ArgumentException">The images have neither 1 nor 3 channels.</exception>
    public static Tensor Prepare(Tensor images, InceptionResize resize)
    {
        if (images.dim() != 4 || images.dtype != ScalarType.Byte || images.size(1) is not (1 or 3))
        {
            throw new ArgumentException($"Inception takes bytes [N,1 or 3,H,W], not {images}.", nameof(images));
        }
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var x = images.to(ScalarType.Float32);
        if (resize == InceptionResize.PytorchFid)
        {
            x = x.Over(255);
        }
        var rows = Weights((int)x.size(2), resize, x.device);
        var columns = Weights((int)x.size(3), resize, x.device);
        x = rows.matmul(x.matmul(columns.transpose(0, 1)));
        x = resize switch
        {
            InceptionResize.Tf1 => x.Minus(128).Over(128),
            InceptionResize.PytorchFid => x.Times(2).Minus(1),
        };
        return scope.MoveToOuter(x.size(1) == 3 ? x : torch.cat([x, x, x], 1));
    }

    // [299, size]: output j = (1 - f)·source[i] + f·source[i + 1], positions in float32 as the originals have them
    private static Tensor Weights(int size, InceptionResize resize, Device device)
    {
        const int side = InceptionLayout.Side;
        var weights = new float[side * size];
        var scale = (float)size / side;
        for (var j = 0; j < side; j++)
        {
            var position = resize switch
            {
                InceptionResize.Tf1 => j * scale,
                InceptionResize.PytorchFid => MathF.Max(0, (scale * (j + 0.5f)) - 0.5f),
            };
            var i = Math.Min((int)position, size - 1);
            var f = position - i;
            weights[(j * size) + i] += 1 - f;
            weights[(j * size) + Math.Min(i + 1, size - 1)] += f;
        }
        return Tensors.Of(weights, [side, size], device);
    }
}
