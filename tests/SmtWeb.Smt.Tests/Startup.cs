using System.Runtime.CompilerServices;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests;

/// <summary>Libtorch is set up as programs do at their start, before any test works with tensors.</summary>
internal static class Startup
{
    [ModuleInitializer]
    internal static void Initialize() => TorchRuntime.Initialize();
}
