using SmtWeb.Benchmarks;
using SmtWeb.Torch;

// Every section prints what it measured, on which machine, and the command that repeats it. Run it on an idle machine:
//   dotnet run -c Release --project tests/SmtWeb.Benchmarks -- training
var sections = new Dictionary<string, (string What, Action<Options> Run)>
{
    ["training"] = (
        "images/s of fashion-mnist-official against the same step in plain TorchSharp, and the share of the convolution peak",
        TrainingBenchmark.Run
    ),
    ["step"] = ("time and processor time of a training iteration of the Fashion-MNIST presets", StepBenchmark.Fashion),
    ["step-roll"] = ("the same of fig5/smt, the Swiss roll at the settings of App. E.2", StepBenchmark.SwissRoll),
    ["kernels"] = ("what each kernel of src/native is worth to a training iteration of the Fashion-MNIST presets", KernelBenchmark.Fashion),
    ["kernels-roll"] = ("the same of fig5/smt", KernelBenchmark.SwissRoll),
    ["operator"] = ("cost of a small operator from C# and from Python", OperatorBenchmark.Run),
    ["conv-peak"] = ("GFLOP/s of 3x3 convolutions, forward and backward, by number format and memory layout", ConvolutionPeak.Run),
    ["hub"] = ("what 200 hub clients on one run cost its trainer", HubBenchmark.Run),
    ["datasets"] = ("images/s of the LMDB and zip readers against what training consumes", DatasetBenchmark.Run),
    ["smd"] = ("a distillation iteration with the released step's passes and without its repetitions", SmdBenchmark.Run),
    ["inception"] = ("images/s of the FID Inception network against torchvision's InceptionV3", InceptionBenchmark.Run),
    ["memory"] = ("resident memory over 10,000 training steps of swiss-roll", MemoryBenchmark.Run),
};
if (args is [HubLoad.Section, .. var clients])
{
    return await HubLoad.ServeAsync(clients); // started by the section 'hub' itself
}
if (args is [AgainstBenchmark.Section, .. var against])
{
    return await AgainstBenchmark.RunAsync(against);
}
if (args.Length == 0 || !sections.TryGetValue(args[0], out var section))
{
    Console.Error.WriteLine($"Usage: SmtWeb.Benchmarks SECTION [--threads N] [--rounds N] [--iterations N]");
    foreach (var (name, (what, _)) in sections)
    {
        Console.Error.WriteLine($"  {name, -10} {what}");
    }
    Console.Error.WriteLine($"  {AgainstBenchmark.Section, -10} COMMIT [SECTION…]: this program and another commit of it, in turns");
    return 2;
}
var options = Options.Parse(args[1..]);
Machine.PreferPassiveThreads();
TorchRuntime.Threads = options.Threads;
Console.WriteLine(
    $"{args[0]} · {Machine.Describe()} · libtorch {TorchRuntime.Version} · {options.Threads} threads · "
        + $"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC"
);
section.Run(options);
return 0;
