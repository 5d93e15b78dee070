using System.Text.Json.Serialization;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Device and number format.</summary>
public sealed record HardwareSpec
{
    /// <summary>Where the tensors live.</summary>
    [Setting("Device", "Automatic takes a GPU where there is one.", MayChange = true)]
    public DeviceChoice Device { get; init; } = DeviceChoice.Automatic;

    /// <summary>Number format of the network bodies; embeddings, losses and weights stay float32.</summary>
    [Setting("Precision", "Number format of the network bodies; weights, embeddings and losses stay float32.")]
    public Precision Precision { get; init; } = Precision.BFloat16;

    /// <summary>CPU threads of the trainer; 0 takes the installation's setting.</summary>
    [Setting("Threads", "CPU threads of the trainer; 0 takes the installation's setting.", Min = 0, Max = 1024, MayChange = true)]
    public int Threads { get; init; }

    /// <summary>Processes that share every batch, one per GPU (or sharing the CPU's threads); rank 0 reports.</summary>
    [Setting(
        "Devices",
        "GPUs (or processes on the CPU) that share every batch; the batch must be a multiple. The numbers are those of one device up "
            + "to rounding.",
        Min = 1,
        Max = 64,
        MayChange = true
    )]
    public int Devices { get; init; } = 1;
}

/// <summary>Where the tensors live.</summary>
public enum DeviceChoice
{
    /// <summary>The first GPU, else the CPU.</summary>
    [Choice("Automatic", "The first GPU, else the CPU.")]
    Automatic,

    /// <summary>The CPU.</summary>
    [Choice("CPU", "The CPU.")]
    Cpu,

    /// <summary>An NVIDIA GPU; the run fails where there is none.</summary>
    [Choice("GPU", "An NVIDIA GPU; the run fails where there is none.")]
    Cuda,
}

/// <summary>Number format of the network bodies.</summary>
public enum Precision
{
    /// <summary>IEEE single precision.</summary>
    [Choice("float32", "IEEE single precision.")]
    Float32,

    /// <summary>bfloat16 activations and multiplications, float32 accumulation and weights.</summary>
    [Choice("bfloat16", "bfloat16 activations and multiplications; float32 accumulation and weights.")]
    [JsonStringEnumMemberName("bfloat16")]
    BFloat16,
}
