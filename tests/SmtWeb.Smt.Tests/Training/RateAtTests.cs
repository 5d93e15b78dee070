using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.Training;

public sealed class RateAtTests
{
    public static TheoryData<string> Cases => GoldenCase.OfKind("lr_schedule");

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(Cases))]
    public void Factor_GoldenCase_GivesItsRates(string id)
    {
        var golden = GoldenCase.Load(id);
        var (ramp, total) = (
            golden.Config.GetProperty("num_warmup_steps").GetInt64(),
            golden.Config.GetProperty("num_training_steps").GetInt64()
        );
        var rate = golden.Config.GetProperty("base_lr").GetDouble();
        foreach (var (name, schedule) in new[] { ("cosine", RateSchedule.Cosine), ("constant_with_warmup", RateSchedule.Constant) })
        {
            var factors = Array.ConvertAll(golden.Input("step").Longs, step => RateAt.Factor(step, total, schedule, ramp));
            golden.Expect($"{name}.factor").Verify(factors);
            golden
                .Expect($"{name}.lr")
                .Verify(Array.ConvertAll(golden.Input("step").Longs, step => RateAt.Iteration(step, total, rate, schedule, ramp)));
        }
    }

    [Fact]
    public void Factor_NoRamp_StartsAtOne() => Assert.Equal(1, RateAt.Factor(0, 100, RateSchedule.Cosine, 0));
}
