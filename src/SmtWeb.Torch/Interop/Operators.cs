using System.Reflection;

namespace SmtWeb.Torch.Interop;

/// <summary>Every operator this project calls, with the leading argument names it relies on.</summary>
internal static class Operators
{
    // creation
    internal static readonly Operator Empty = new("aten::empty.memory_format", "size dtype layout device");
    internal static readonly Operator Zeros = new("aten::zeros", "size dtype layout device");
    internal static readonly Operator Full = new("aten::full", "size fill_value dtype layout device");
    internal static readonly Operator ARange = new("aten::arange.start_step", "start end step dtype layout device");
    internal static readonly Operator RandN = new("aten::randn.generator", "size generator dtype layout device");
    internal static readonly Operator Rand = new("aten::rand.generator", "size generator dtype layout device");
    internal static readonly Operator RandInt = new("aten::randint.generator", "high size generator dtype layout device");
    internal static readonly Operator Bernoulli_ = new("aten::bernoulli_.float", "self p generator");

    // element by element
    internal static readonly Operator Add = new("aten::add.Tensor", "self other alpha");
    internal static readonly Operator AddScalar = new("aten::add.Scalar", "self other alpha");
    internal static readonly Operator Sub = new("aten::sub.Tensor", "self other alpha");
    internal static readonly Operator RSubScalar = new("aten::rsub.Scalar", "self other alpha");
    internal static readonly Operator Mul = new("aten::mul.Tensor", "self other");
    internal static readonly Operator MulScalar = new("aten::mul.Scalar", "self other");
    internal static readonly Operator Div = new("aten::div.Tensor", "self other");
    internal static readonly Operator DivScalar = new("aten::div.Scalar", "self other");
    internal static readonly Operator Neg = new("aten::neg", "self");
    internal static readonly Operator Exp = new("aten::exp", "self");
    internal static readonly Operator Log = new("aten::log", "self");
    internal static readonly Operator Sqrt = new("aten::sqrt", "self");
    internal static readonly Operator RSqrt = new("aten::rsqrt", "self");
    internal static readonly Operator Reciprocal = new("aten::reciprocal", "self");
    internal static readonly Operator Pow = new("aten::pow.Tensor_Scalar", "self exponent");
    internal static readonly Operator Abs = new("aten::abs", "self");
    internal static readonly Operator Sin = new("aten::sin", "self");
    internal static readonly Operator Cos = new("aten::cos", "self");
    internal static readonly Operator Sigmoid = new("aten::sigmoid", "self");
    internal static readonly Operator SiLU = new("aten::silu", "self");
    internal static readonly Operator ReLU = new("aten::relu", "self");
    internal static readonly Operator LeakyReLU = new("aten::leaky_relu", "self negative_slope");
    internal static readonly Operator SoftPlus = new("aten::softplus", "self beta threshold");
    internal static readonly Operator Clamp = new("aten::clamp", "self min max");
    internal static readonly Operator NanToNum = new("aten::nan_to_num", "self nan posinf neginf");
    internal static readonly Operator Where = new("aten::where.self", "condition self other");
    internal static readonly Operator EqScalar = new("aten::eq.Scalar", "self other");
    internal static readonly Operator Le = new("aten::le.Tensor", "self other");
    internal static readonly Operator Round = new("aten::round", "self");

    // reductions
    internal static readonly Operator Sum = new("aten::sum", "self dtype");
    internal static readonly Operator SumDim = new("aten::sum.dim_IntList", "self dim keepdim");
    internal static readonly Operator Mean = new("aten::mean", "self dtype");
    internal static readonly Operator MeanDim = new("aten::mean.dim", "self dim keepdim");
    internal static readonly Operator Norm = new("aten::linalg_vector_norm", "self ord dim keepdim");
    internal static readonly Operator ArgMax = new("aten::argmax", "self dim keepdim");
    internal static readonly Operator AnyDim = new("aten::any.dim", "self dim keepdim");
    internal static readonly Operator KthValue = new("aten::kthvalue", "self k dim keepdim");

    // shape
    internal static readonly Operator Reshape = new("aten::reshape", "self shape");
    internal static readonly Operator View = new("aten::view", "self size");
    internal static readonly Operator AsStrided = new("aten::as_strided", "self size stride storage_offset");
    internal static readonly Operator Permute = new("aten::permute", "self dims");
    internal static readonly Operator Transpose = new("aten::transpose.int", "self dim0 dim1");
    internal static readonly Operator Expand = new("aten::expand", "self size");
    internal static readonly Operator Unsqueeze = new("aten::unsqueeze", "self dim");
    internal static readonly Operator SqueezeDim = new("aten::squeeze.dim", "self dim");
    internal static readonly Operator Narrow = new("aten::narrow", "self dim start length");
    internal static readonly Operator IndexSelect = new("aten::index_select", "self dim index");
    internal static readonly Operator Flip = new("aten::flip", "self dims");
    internal static readonly Operator Cat = new("aten::cat", "tensors dim");
    internal static readonly Operator Stack = new("aten::stack", "tensors dim");
    internal static readonly Operator Chunk = new("aten::chunk", "self chunks dim");
    internal static readonly Operator PixelShuffle = new("aten::pixel_shuffle", "self upscale_factor");
    internal static readonly Operator PixelUnshuffle = new("aten::pixel_unshuffle", "self downscale_factor");
    internal static readonly Operator OneHot = new("aten::one_hot", "self num_classes");
    internal static readonly Operator Clone = new("aten::clone", "self memory_format");
    internal static readonly Operator Contiguous = new("aten::contiguous", "self memory_format");
    internal static readonly Operator Detach = new("aten::detach", "self");
    internal static readonly Operator ToDtype = new("aten::to.dtype", "self dtype non_blocking copy memory_format");
    internal static readonly Operator ToDevice = new("aten::to.device", "self device dtype non_blocking copy memory_format");

    // networks
    internal static readonly Operator Conv2d = new("aten::conv2d", "input weight bias stride padding dilation groups");
    internal static readonly Operator Linear = new("aten::linear", "input weight bias");
    internal static readonly Operator GroupNorm = new("aten::group_norm", "input num_groups weight bias eps");
    internal static readonly Operator AvgPool2d = new("aten::avg_pool2d", "self kernel_size stride padding ceil_mode count_include_pad");
    internal static readonly Operator MaxPool2d = new("aten::max_pool2d", "self kernel_size stride padding");
    internal static readonly Operator UpsampleNearest2d = new("aten::upsample_nearest2d", "self output_size");
    internal static readonly Operator Softmax = new("aten::softmax.int", "self dim dtype");
    internal static readonly Operator Bmm = new("aten::bmm", "self mat2");
    internal static readonly Operator MatMul = new("aten::matmul", "self other");
    internal static readonly Operator EigH = new("aten::linalg_eigh", "self");
    internal static readonly Operator EigValsH = new("aten::linalg_eigvalsh", "self");

    /// <summary>Our own (src/native/operators.cpp), for the CPU.</summary>
    internal static readonly Operator FusedGroupNorm = new("smtweb::group_norm", "x shift weight bias groups eps silu");
    internal static readonly Operator GroupNormBranch = new("smtweb::group_norm_branch", "x weight bias groups eps silu");

    /// <summary>Our own (src/native/convolution.cpp): on any device, with kernels of our own for one kind of CPU.</summary>
    internal static readonly Operator CatChannels = new("smtweb::cat_channels", "a b");
    internal static readonly Operator Conv2dResidual = new("smtweb::conv2d_residual", "x weight bias residual scale factor resample");

    /// <summary>Our own (src/native/mlp.cpp): on any device, with kernels of our own on the CPU.</summary>
    internal static readonly Operator Mlp = new("smtweb::mlp", "x weights biases slope activate_last");

    // our own as well (src/native/preconditioning.cpp), on any device, in one pass on the CPU
    internal static readonly Operator EdmCoefficients = new("smtweb::edm_coefficients", "sigma sigma_data");
    internal static readonly Operator MixRows = new("smtweb::mix_rows", "a x b z");
    internal static readonly Operator RowErrors = new("smtweb::row_errors", "x target weight");
    internal static readonly Operator FourierFeatures = new("smtweb::fourier_features", "x values frequencies");
    internal static readonly Operator AdamW_ = new("smtweb::adamw_", "weights gradients first second scale keep beta1 beta2 root eps rate");

    // in place
    internal static readonly Operator Copy_ = new("aten::copy_", "self src non_blocking");
    internal static readonly Operator Zero_ = new("aten::zero_", "self");
    internal static readonly Operator Fill_ = new("aten::fill_.Scalar", "self value");
    internal static readonly Operator Add_ = new("aten::add_.Tensor", "self other alpha");
    internal static readonly Operator AddScalar_ = new("aten::add_.Scalar", "self other alpha");
    internal static readonly Operator Mul_ = new("aten::mul_.Tensor", "self other");
    internal static readonly Operator MulScalar_ = new("aten::mul_.Scalar", "self other");
    internal static readonly Operator Lerp_ = new("aten::lerp_.Scalar", "self end weight");
    internal static readonly Operator AddCMul_ = new("aten::addcmul_", "self tensor1 tensor2 value");
    internal static readonly Operator AddCDiv_ = new("aten::addcdiv_", "self tensor1 tensor2 value");
    internal static readonly Operator Sqrt_ = new("aten::sqrt_", "self");
    internal static readonly Operator ReLU_ = new("aten::relu_", "self");
    internal static readonly Operator DivScalar_ = new("aten::div_.Scalar", "self other");

    /// <summary>Only in newer versions: use <see cref="Operator.Exists"/> and fall back.</summary>
    internal static readonly Operator ScaledDotProductAttention = new("aten::scaled_dot_product_attention", "query key value");

    private static readonly HashSet<Operator> Optional = [ScaledDotProductAttention];

    /// <summary>All operators of this table.</summary>
    internal static IReadOnlyList<Operator> All { get; } =
        [.. typeof(Operators).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
            .Where(f => f.FieldType == typeof(Operator)).Select(f => (Operator)f.GetValue(null)!)];

    /// <summary>Compares every operator with the schema of the loaded library.</summary>
    /// <exception cref="TorchException">Names every operator that is missing or has other arguments.</exception>
    internal static void Verify()
    {
        var problems = new List<string>();
        foreach (var op in All)
        {
            if (!op.Exists)
            {
                if (!Optional.Contains(op)) problems.Add($"{op.Name} is missing");
                continue;
            }
            var actual = ArgumentNames(op.Schema);
            if (!actual.Take(op.Arguments.Count).SequenceEqual(op.Arguments))
                problems.Add($"{op.Name} takes ({string.Join(' ', actual)}), expected ({string.Join(' ', op.Arguments)} ...)");
        }
        if (problems.Count > 0)
            throw new TorchException($"libtorch {torch.Version} does not fit this program, which is written for 1.13 and 2.x: {string.Join("; ", problems)}");
    }

    // "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor": the word before '=' or the end of each part
    internal static IReadOnlyList<string> ArgumentNames(string schema)
    {
        var open = schema.IndexOf('(', StringComparison.Ordinal);
        var arrow = schema.IndexOf(") -> ", StringComparison.Ordinal);
        var names = new List<string>();
        int depth = 0, from = open + 1;
        for (var k = open + 1; k <= arrow; k++)
        {
            var c = schema[k];
            if (c is '[' or '(') depth++;
            else if (c is ']' or ')' && k < arrow) depth--;
            else if (k == arrow || (c == ',' && depth == 0))
            {
                var part = schema[from..k].Trim();
                from = k + 1;
                if (part is "" or "*") continue;
                var equals = part.IndexOf('=', StringComparison.Ordinal);
                if (equals >= 0) part = part[..equals];
                names.Add(part[(part.LastIndexOf(' ') + 1)..]);
            }
        }
        return names;
    }
}
