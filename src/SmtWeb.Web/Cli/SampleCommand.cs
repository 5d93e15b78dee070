using SmtWeb.Data.Batches;
using SmtWeb.Data.Files;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images.Figures;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Text;
using SmtWeb.Smt.Sampling;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb sample</c>: images (or points) of a checkpoint into a PNG file.</summary>
internal sealed class SampleCommand : Command
{
    private const int MaxImages = 65_536;

    internal override string Name => "sample";

    internal override string Summary => "Draws samples of a checkpoint, in one step or a few, into a PNG file; needs no database.";

    internal override string Usage => "sample --checkpoint FILE --out FILE.png [options]";

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("checkpoint", "FILE", "Checkpoint (safetensors), of `smtweb train` or downloaded from a run."),
        new("out", "FILE", "PNG file to write."),
        new(
            "class",
            "CLASS",
            "Class of all images, by number or name (name:2 where the name is a number); without it, an image is of class seed mod K."
        ),
        new("seed", "N", "Seed of the first image (0); image i is drawn from seed + i."),
        new("count", "N", "Number of images (64; 2000 points of a 2-D model)."),
        new("steps", "N", "Steps per image: 1, or 2 or 4 where the generator was trained for them ($.method.generatorSteps)."),
        new("columns", "N", "Columns of the grid; as square as it can be if left out."),
    ];

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        var output = arguments.Required("out");
        await using var file = PlainFile.OpenRead(arguments.Required("checkpoint"));
        using var generator = OneStepGenerator.Load(file);
        var count = (int)arguments.Number("count", generator.DrawsPoints ? 2000 : 64, 1, MaxImages);
        var first = arguments.Seed("seed", 0);
        if (first > ulong.MaxValue - (ulong)(count - 1))
        {
            throw new CommandLineException($"Seed {first} + {count - 1} is beyond {ulong.MaxValue} (unsigned 64 bits).");
        }

        int? steps = arguments.Has("steps") ? (int)arguments.Number("steps", 1, 1, int.MaxValue) : null;
        if (GenerationSteps.Problem(generator.StepChoices, steps) is { } problem)
        {
            throw new CommandLineException($"Option --steps: {problem}");
        }

        ulong[] seeds = [.. Enumerable.Range(0, count).Select(i => first + (ulong)i)];
        var label = Class(generator, arguments);
        var png = generator.DrawsPoints ? Points(generator, seeds, steps) : Images(generator, seeds, steps, label, arguments);
        await File.WriteAllBytesAsync(output, png, ct);
        var of = label is { } chosen ? $" of class {PlainText.Show(ClassNaming.Show(chosen, generator.ClassNames))}," : "";
        await Console.Out.WriteLineAsync($"{count} samples{of} of iteration {generator.Iteration}, seeds {first} to {seeds[^1]}: {output}");
        return 0;
    }

    // By number or name; what is also another class's name is pointed out.
    private static int? Class(OneStepGenerator generator, CommandArguments arguments)
    {
        if (arguments.Text("class") is not { } text)
        {
            return null;
        }

        if (generator.ClassCount == 0)
        {
            throw new CommandLineException("This model has no classes; leave --class out.");
        }

        var (label, problem, note) = ClassNaming.Find(text, generator.ClassCount, generator.ClassNames);
        if (note is not null)
        {
            Console.Error.WriteLine($"note: {PlainText.Show(note)}");
        }

        return label ?? throw new CommandLineException($"Option --class: {PlainText.Show(problem!)}");
    }

    private static byte[] Images(OneStepGenerator generator, ulong[] seeds, int? steps, int? label, CommandArguments arguments)
    {
        int[]? labels = label is { } chosen ? [.. Enumerable.Repeat(chosen, seeds.Length)] : null;
        int? columns = arguments.Has("columns") ? (int)arguments.Number("columns", 1, 1, seeds.Length) : null;
        return generator.Generate(seeds, labels, steps).ToGridPng(columns);
    }

    /// <summary>Points over the data they should resemble.</summary>
    private static byte[] Points(OneStepGenerator generator, ulong[] seeds, int? steps)
    {
        if (generator.Spec.Data is not SwissRollSpec roll)
        {
            throw new InvalidOperationException($"There is no picture for points of {ChoiceAttribute.LabelOf(generator.Spec.Data)}.");
        }

        var data = SwissRoll.Draw(new HostRandom(0), seeds.Length, roll.Noise);
        float[] samples = [.. generator.Points(seeds, steps).SelectMany(p => new[] { p.X, p.Y })];
        return PointFigure.Draw(data, samples).ToPng();
    }
}
