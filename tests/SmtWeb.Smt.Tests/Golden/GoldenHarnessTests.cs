using System.Reflection;
using System.Runtime.InteropServices;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The harness itself: that it generates the right weights, and that its comparison can fail.</summary>
public sealed class GoldenHarnessTests
{
    [Fact]
    public void Unit_SeedOfReadme_GivesItsValues() =>
        Assert.Equal(
            [-0.8091862201690674f, 0.21098577976226807f, -0.45664989948272705f, -0.45809125900268555f],
            Enumerable.Range(0, 4).Select(i => GoldenWeights.Unit(362947661, (uint)i))
        );

    [Fact]
    public void Weights_WrittenOut_EqualTheFormulaBitForBit()
    {
        var compared = 0;
        foreach (var id in GoldenCase.All)
        {
            var golden = GoldenCase.Load(id);
            if (golden.WrittenWeights()?.ToDictionary(w => w.Name) is not { } written || !golden.HasFormulaWeights)
            {
                continue;
            }
            foreach (var weight in golden.Weights())
            {
                Assert.Equal(written[weight.Name].Shape, weight.Shape);
                Assert.Equal(written[weight.Name].Bytes, weight.Bytes);
                compared++;
            }
        }

        Assert.True(compared > 0);
    }

    [Fact]
    public void Kinds_OfTheSet_AreAllPartOfTheGoldenSelection()
    {
        // "./test.sh golden" takes the tests with the trait and no others: a kind without it would not be checked on another set
        var checkedIds = typeof(GoldenHarnessTests)
            .Assembly.GetTypes()
            .SelectMany(type => type.GetMethods().Select(method => (Type: type, Method: method)))
            .Where(test => IsGolden(test.Type) || IsGolden(test.Method))
            .SelectMany(test =>
                test.Method.GetCustomAttributes<MemberDataAttribute>()
                    .Select(data => (data.MemberType ?? test.Type).GetProperty(data.MemberName)?.GetValue(null))
            )
            .OfType<IEnumerable<ITheoryDataRow>>()
            .SelectMany(rows => rows.Select(row => row.GetData()[0] as string))
            .ToHashSet();
        Assert.All(GoldenCase.All, id => Assert.Contains(id, checkedIds));

        static bool IsGolden(MemberInfo member) =>
            member.GetCustomAttributes<TraitAttribute>().Any(t => t is { Name: "Category", Value: "Golden" });
    }

    [Theory]
    [InlineData(1.0, 1.0, true)]
    [InlineData(1.0 + 1.5e-3, 1.0, true)]
    [InlineData(1.0 + 2.5e-3, 1.0, false)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity, true)]
    [InlineData(double.NegativeInfinity, double.PositiveInfinity, false)]
    [InlineData(double.NaN, 1.0, false)]
    public void Mismatch_ByTolerance_FollowsTheStatedRule(double actual, double stored, bool pass)
    {
        var tensor = new GoldenTensor("x", SafetensorsType.F64, [1], BitConverter.GetBytes(stored));
        Assert.Equal(pass, new GoldenExpectation("case", tensor, false, 1e-3, 1e-3).Mismatch([actual]) is null);
    }

    [Fact]
    public void Mismatch_TwoWrong_NamesTheWorstByItsPosition()
    {
        var tensor = new GoldenTensor("x", SafetensorsType.F32, [2, 3], MemoryMarshal.AsBytes<float>(new float[6]).ToArray());
        var message = new GoldenExpectation("case", tensor, false, 0.1, 0).Mismatch([0, 0, 0.2, 0, 0.5, 0]);
        Assert.Contains("2 of 6", message);
        Assert.Contains("[1,1]", message);
    }
}
