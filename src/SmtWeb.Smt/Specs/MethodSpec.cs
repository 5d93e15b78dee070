using System.Text.Json.Serialization;

namespace SmtWeb.Smt.Specs;

/// <summary>The training method. A closed hierarchy: <c>kind</c> names the member in JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(SmtSpec), "smt")]
[JsonDerivedType(typeof(SmdSpec), "smd")]
[JsonDerivedType(typeof(DiffusionSpec), "diffusion")]
[JsonDerivedType(typeof(ReverseKlSpec), "reverseKl")]
[JsonDerivedType(typeof(GanSpec), "gan")]
[JsonDerivedType(typeof(DiffusionGanSpec), "diffusionGan")]
public abstract record MethodSpec
{
    /// <summary>Denoising iterations before training; they count among a run's iterations.</summary>
    public virtual int Warmup() => 0;
}
