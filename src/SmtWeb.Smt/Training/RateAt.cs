using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Training;

/// <summary>Learning-rate schedules: a linear ramp from 0, then constant or half a cosine.</summary>
public static class RateAt
{
    /// <summary>Rate of iteration <paramref name="k"/> (0-based) of <paramref name="total"/>.</summary>
    public static double Iteration(long k, long total, double rate, RateSchedule schedule, long ramp) => rate * Factor(k, total, schedule, ramp);

    /// <summary>The factor alone. Past the last iteration, which no run reaches, a cosine rises again as in the released code.</summary>
    public static double Factor(long k, long total, RateSchedule schedule, long ramp)
    {
        if (k < ramp) return k / (double)Math.Max(1, ramp);
        return schedule switch
        {
            RateSchedule.Constant => 1,
            RateSchedule.Cosine => 0.5 * (1 + Math.Cos(Math.PI * (k - ramp) / (double)Math.Max(1, total - ramp))),
        };
    }
}
