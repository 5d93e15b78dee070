using System.Runtime.InteropServices;

namespace SmtWeb.Torch;

/// <summary>The kernels of <c>src/native</c>, where they were compiled; see <c>smtkernels.h</c> for what each does.</summary>
internal static unsafe partial class Kernels
{
    private const string Library = "smtkernels";
    private const string Off = "SMTWEB_KERNELS_OFF";

    static Kernels()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "libsmtkernels.so");
        if (!File.Exists(file))
        {
            State = "none (no C++ compiler was there when the program was built): libtorch's operators, slower";
            return;
        }
        if (!NativeLibrary.TryLoad(file, out var handle))
        {
            State = $"none ({file} cannot be loaded): libtorch's operators, slower";
            return;
        }
        (Present, Handle) = (true, handle);
        var off = (Environment.GetEnvironmentVariable(Off) ?? "").Split(
            ',',
            StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries
        );
        Without(off);
        var convolutions = (smt_offers() & 1) != 0;
        State =
            $"{Marshal.PtrToStringUTF8(smt_instruction_sets())}{(convolutions ? ", bfloat16 convolutions" : "")}{(off.Length > 0 ? $", without {string.Join(", ", off)}" : "")}";
    }

    /// <summary>
    /// Takes all kernels that this machine can run but these: for measurements each family can be left out alone, or "all".
    /// </summary>
    internal static void Without(params IReadOnlyCollection<string> off)
    {
        bool On(string name) => Present && !off.Contains(name) && !off.Contains("all");
        var convolutions = Present && (smt_offers() & 1) != 0;
        Convolution = convolutions && On("convolution");
        ConvolutionOfOne = convolutions && On("convolution-one");
        GroupNorm = On("group-norm");
        Mlp = On("mlp");
        Edm = On("edm");
        Rows = On("rows");
        Fourier = On("fourier");
        AdamW = On("adamw");
    }

    /// <summary>What they are, or why there are none.</summary>
    internal static string State { get; }

    /// <summary>Whether there are any.</summary>
    internal static bool Present { get; }

    /// <summary>The native library; 0 without.</summary>
    internal static nint Handle { get; }

    internal static bool Convolution { get; private set; }

    internal static bool ConvolutionOfOne { get; private set; }

    internal static bool GroupNorm { get; private set; }

    internal static bool Mlp { get; private set; }

    internal static bool Edm { get; private set; }

    internal static bool Rows { get; private set; }

    internal static bool Fourier { get; private set; }

    internal static bool AdamW { get; private set; }

    [StructLayout(LayoutKind.Sequential)]
    internal struct GroupNormShape
    {
        internal long Images,
            Pixels,
            Channels,
            Groups;
        internal float* Shift,
            Weight,
            Bias;
        internal float Epsilon;
        internal int Silu,
            BFloat16,
            Threads;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ConvolutionShape
    {
        internal long Images,
            Height,
            Width,
            Inputs,
            Outputs,
            Side;
        internal float Scale,
            Factor;
        internal int Change,
            Threads;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct MlpShape
    {
        internal long Rows;
        internal long* Widths;
        internal float** Weights,
            Biases;
        internal float Slope;
        internal int Layers,
            ActivateLast,
            Threads;
    }

    [LibraryImport(Library)]
    private static partial int smt_offers();

    [LibraryImport(Library)]
    private static partial nint smt_instruction_sets();

    [LibraryImport(Library)]
    internal static partial void smt_group_norm_forward(GroupNormShape* shape, void* x, void* y, float* statistics);

    [LibraryImport(Library)]
    internal static partial void smt_group_norm_backward(
        GroupNormShape* shape,
        void* x,
        void* dy,
        void* more,
        float* statistics,
        void* dx,
        float* dShift,
        float* dWeight,
        float* dBias
    );

    [LibraryImport(Library)]
    internal static partial void smt_conv_forward(
        ConvolutionShape* shape,
        ushort* x,
        float* weight,
        float* bias,
        ushort* residual,
        ushort* y,
        ushort* halved
    );

    [LibraryImport(Library)]
    internal static partial void smt_conv_backward(
        ConvolutionShape* shape,
        ushort* x,
        float* weight,
        ushort* dy,
        ushort* dx,
        float* dWeight,
        float* dBias
    );

    [LibraryImport(Library)]
    internal static partial void smt_conv_one_forward(ConvolutionShape* shape, ushort* x, float* weight, float* bias, ushort* y);

    [LibraryImport(Library)]
    internal static partial void smt_conv_one_backward(
        ConvolutionShape* shape,
        ushort* x,
        float* weight,
        ushort* dy,
        ushort* dx,
        float* dWeight,
        float* dBias
    );

    [LibraryImport(Library)]
    internal static partial void smt_multiply(long values, float factor, ushort* x, ushort* y);

    [LibraryImport(Library)]
    internal static partial long smt_mlp_between(MlpShape* shape);

    [LibraryImport(Library)]
    internal static partial void smt_mlp_forward(MlpShape* shape, float* x, float* between, float* y);

    [LibraryImport(Library)]
    internal static partial void smt_mlp_backward(
        MlpShape* shape,
        float* x,
        float* between,
        float* y,
        float* dy,
        float* dx,
        float** dWeights,
        float** dBiases
    );

    [LibraryImport(Library)]
    internal static partial void smt_edm_coefficients(
        long n,
        float* sigma,
        double sigmaData,
        float* skip,
        float* c_out,
        float* c_in,
        float* noise
    );

    [LibraryImport(Library)]
    internal static partial void smt_fourier_features(
        long rows,
        long columns,
        float* x,
        int lists,
        float** values,
        float** frequencies,
        long* counts,
        long width,
        float* y
    );

    [LibraryImport(Library)]
    internal static partial void smt_mix_rows(long rows, long columns, float* a, float* x, float* b, float* z, float* y);

    [LibraryImport(Library)]
    internal static partial void smt_row_errors(long rows, long columns, float* x, float* z, float* weight, float* y);

    [LibraryImport(Library)]
    internal static partial void smt_row_errors_backward(long rows, long columns, float* x, float* z, float* weight, float* dy, float* dx);

    [LibraryImport(Library)]
    internal static partial void smt_adamw(
        long n,
        float* weights,
        float* gradients,
        float* first,
        float* second,
        double scale,
        double keep,
        double beta1,
        double beta2,
        double root,
        double eps,
        double rate,
        int threads
    );

    [LibraryImport(Library)]
    internal static partial void smt_add(int count, long* lengths, float** a, float** b, float** y);

    [LibraryImport(Library)]
    internal static partial int smt_guarded_gradients(
        nint function,
        nint* outputs,
        long o,
        nint* inputs,
        long i,
        nint* seeds,
        long s,
        byte retain,
        byte create,
        byte unused,
        nint allocate,
        byte* error,
        long room
    );
}
