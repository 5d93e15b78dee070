using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Sampling;

/// <summary>In how many steps models of a method can be asked to draw.</summary>
public static class GenerationSteps
{
    /// <summary>
    /// 1, and 2 or 4 where the generator was trained at the noise levels in between (<c>$.method.generatorSteps</c>); none for
    /// a diffusion model, whose Heun steps are part of its spec.
    /// </summary>
    public static IReadOnlyList<int> Of(MethodSpec method) =>
        method switch
        {
            DiffusionSpec => [],
            SmtSpec smt => UpTo(smt.GeneratorSteps),
            SmdSpec smd => UpTo(smd.GeneratorSteps),
            _ => [1],
        };

    /// <summary>Network passes behind an image: those asked for, else one; a diffusion model's Heun steps.</summary>
    public static int Taken(MethodSpec method, int? steps) => method is DiffusionSpec diffusion ? diffusion.SamplerSteps : steps ?? 1;

    /// <summary>Why a model of these <paramref name="choices"/> does not draw in <paramref name="steps"/>, or null where it does.</summary>
    public static string? Problem(IReadOnlyList<int> choices, int? steps)
    {
        if (steps is not { } wanted || choices.Contains(wanted))
        {
            return null;
        }
        if (choices.Count == 0)
        {
            return $"{wanted} steps are asked for; this is a diffusion model, which draws in the Heun steps of its spec "
                + "($.method.samplerSteps). Leave the steps out.";
        }
        if (wanted is not (1 or 2 or 4))
        {
            return $"{wanted} steps are asked for; generation takes 1, 2 or 4.";
        }
        return $"{wanted} steps are asked for; this model was trained to draw in "
            + $"{(choices.Count == 1 ? "1 step" : $"at most {choices[^1]} steps")}. Ask for {string.Join(" or ", choices)}, or train one "
            + $"with $.method.generatorSteps {wanted}.";
    }

    private static IReadOnlyList<int> UpTo(int most) => [.. new[] { 1, 2, 4 }.Where(n => n <= most)];
}
