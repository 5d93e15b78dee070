using System.Runtime.CompilerServices;

namespace SmtWeb.Torch.Tests;

/// <summary>Libtorch is set up as programs do at their start, before any test works with tensors.</summary>
internal static class Startup
{
    [ModuleInitializer]
    internal static void Initialize() => TorchRuntime.Initialize();
}
