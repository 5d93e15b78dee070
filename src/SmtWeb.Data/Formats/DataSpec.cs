using System.Text.Json.Serialization;
using SmtWeb.Data.Settings;

namespace SmtWeb.Data.Formats;

/// <summary>The data distribution p. <c>kind</c> names the member in JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(SwissRollSpec), "swissRoll")]
[JsonDerivedType(typeof(FashionMnistSpec), "fashionMnist")]
[JsonDerivedType(typeof(Cifar10Spec), "cifar10")]
[JsonDerivedType(typeof(ImageNet64Spec), "imagenet64")]
[JsonDerivedType(typeof(ZipSpec), "zip")]
[JsonDerivedType(typeof(FolderSpec), "folder")]
[JsonDerivedType(typeof(IdxSpec), "idx")]
public abstract record DataSpec;

/// <summary>The two-dimensional Swiss roll of App. E.2 (after Che et al. 2020), drawn afresh for every batch.</summary>
[Choice("Swiss roll (2-D)", "The two-dimensional Swiss roll of App. E.2, drawn afresh for every batch.")]
public sealed record SwissRollSpec : DataSpec
{
    /// <summary>Standard deviation of the noise added to the curve before scaling.</summary>
    [Setting("Noise", "Standard deviation of the noise around the curve, before scaling.", Min = 0, Max = 5)]
    public double Noise { get; init; } = 0.25;
}

/// <summary>Fashion-MNIST, padded to 32x32, scaled to [-1,1], ten classes.</summary>
[Choice("Fashion-MNIST", "60,000 pictures of garments, ten classes, padded to 32x32.")]
public sealed record FashionMnistSpec : DataSpec
{
    /// <summary>Mirror images at random with probability 1/2.</summary>
    [Setting("Horizontal flips", "Mirror images at random with probability 1/2.")]
    public bool HorizontalFlips { get; init; } = true;

    /// <summary>Condition generator and score network on the class.</summary>
    [Setting("Class-conditional", "Condition both networks on the class label.")]
    public bool Conditional { get; init; } = true;
}
