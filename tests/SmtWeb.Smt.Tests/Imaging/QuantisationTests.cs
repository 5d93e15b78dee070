using SmtWeb.Data.Images;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.Imaging;

public sealed class QuantisationTests
{
    public static TheoryData<string> Cases => GoldenCase.OfKind("image_quantise");

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(Cases))]
    public void ToBytes_GoldenCase_GivesTheBytesOfBothConventions(string id)
    {
        var golden = GoldenCase.Load(id);
        golden.Expect("edm_u8").Verify(Quantisation.ToBytes(golden.Input("x").Floats));
        golden.Expect("smt_u8").Verify(Quantisation.ToBytes(golden.Input("x").Floats, Rounding.ReleasedScripts));
        float[] back = [.. golden.Input("u8").Bytes.Select(Quantisation.FromByte)];
        golden.Expect("edm_to_minus1_1").Verify(back);
        golden.Expect("to_minus1_1").Verify(back);
    }

    [Fact]
    public void ToByte_EveryLevel_RoundTripsAndExtremesClip()
    {
        for (var level = 0; level < 256; level++)
        {
            Assert.InRange(Quantisation.ToByte(Quantisation.FromByte((byte)level)) - level, 0, 1);
        }
        Assert.Equal(0, Quantisation.ToByte(float.NaN));
        Assert.Equal(0, Quantisation.ToByte(float.NegativeInfinity));
        Assert.Equal(255, Quantisation.ToByte(float.PositiveInfinity));
    }
}
