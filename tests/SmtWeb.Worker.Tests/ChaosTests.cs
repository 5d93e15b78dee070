using SmtWeb.Chaos;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>The campaign of tests/SmtWeb.Chaos in small; by hand it goes on for a thousand kills.</summary>
[Trait("Needs", "Postgres")]
public sealed class ChaosTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Campaign_AFewKills_BreaksNothing()
    {
        Assert.SkipWhen(postgres.Missing is not null, postgres.Missing ?? "");
        using var log = new CampaignLog(TestContext.Current.TestOutputHelper!.WriteLine);
        var options = new CampaignOptions
        {
            Kills = 4,
            Seed = 7,
            Iterations = 300,
            Runs = 2,
            Web = false,
            Pace = TimeSpan.FromSeconds(2),
            Freeze = TimeSpan.FromSeconds(2),
        };
        var result = await Campaign.RunAsync(options, log);
        Assert.Equal(4, result.Kinds.Values.Sum());
        Assert.True(result.Runs >= 3, $"{result}");
    }
}
