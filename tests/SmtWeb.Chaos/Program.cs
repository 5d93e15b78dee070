using System.Globalization;
using SmtWeb.Chaos;

// dotnet run -c Release --project tests/SmtWeb.Chaos -- --kills 1000 --seed 1 --log chaos.log
string Option(string name, string otherwise) =>
    Array.IndexOf(args, "--" + name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : otherwise;
var options = new CampaignOptions
{
    Kills = int.Parse(Option("kills", "100"), CultureInfo.InvariantCulture),
    Seed = int.Parse(Option("seed", "1"), CultureInfo.InvariantCulture),
};
var path = Path.GetFullPath(Option("log", "chaos.log"));
await using var file = new StreamWriter(path, append: true) { AutoFlush = true };
using var log = new CampaignLog(line =>
{
    Console.WriteLine(line);
    file.WriteLine(line);
});
try
{
    var result = await Campaign.RunAsync(options, log);
    log.Say($"{result} The log is {path}.");
    return 0;
}
catch (BrokenInvariantException e)
{
    log.Say($"BROKEN after the kills above: {e.Message}");
    return 1;
}
