using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>Learning-rate schedules: a linear ramp from 0, then constant or half a cosine.</summary>
public static class RateAt
{
    /// <summary>
    /// Rates of the generator and of the score network or discriminator at iteration <paramref name="k"/> (0-based) after the warm-up.
    /// </summary>
    public static (double Generator, double Score) Iteration(long k, OptimisationSpec o) =>
        (
            Iteration(k, o.Iterations, o.GeneratorRate, o.GeneratorSchedule, o.RampIterations),
            Iteration(k, o.Iterations, o.ScoreRate, o.ScoreSchedule, o.RampIterations)
        );

    /// <summary>Rate of iteration <paramref name="k"/> (0-based) of <paramref name="total"/>.</summary>
    public static double Iteration(long k, long total, double rate, RateSchedule schedule, long ramp) =>
        rate * Factor(k, total, schedule, ramp);

    /// <summary>The factor alone. Past the last iteration, which no run reaches, a cosine rises again as in the released code.</summary>
    public static double Factor(long k, long total, RateSchedule schedule, long ramp)
    {
        if (k < ramp)
        {
            return k / (double)Math.Max(1, ramp);
        }
        return schedule switch
        {
            RateSchedule.Constant => 1,
            RateSchedule.Cosine => 0.5 * (1 + Math.Cos(Math.PI * (k - ramp) / (double)Math.Max(1, total - ramp))),
        };
    }
}
