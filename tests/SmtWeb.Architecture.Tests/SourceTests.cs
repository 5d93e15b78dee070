using System.Text.RegularExpressions;

namespace SmtWeb.Architecture.Tests;

/// <summary>Rules about the source tree itself.</summary>
public sealed class SourceTests
{
    private const int LineLimit = 400;

    [Theory]
    [InlineData("src")]
    [InlineData("tests")]
    [InlineData("wwwroot")]
    [InlineData("migrations")]
    [InlineData("Dockerfile")]
    [InlineData("docker-compose.yml")]
    [InlineData("SmtWeb.sln")]
    [InlineData("appsettings.json")]
    [InlineData("README.md")]
    public void TopLevel_RequiredEntry_Exists(string entry) =>
        Assert.True(Path.Exists(Repository.PathOf(entry)), $"{entry} must lie at the top of the repository.");

    [Fact]
    public void Files_Length_StaysReadable()
    {
        // not migrations: `dotnet ef` writes them
        string[] folders = ["src", "tests", "wwwroot"];
        var tooLong =
            from folder in folders
            from file in Repository.SourceFiles(folder, ".cs", ".razor", ".cpp", ".h", ".js", ".css", ".py")
            // others' files, as published
            where !Repository.Relative(file).Replace('\\', '/').StartsWith("wwwroot/lib/", StringComparison.Ordinal)
            let lines = File.ReadLines(file).Count()
            where lines > LineLimit
            select $"{Repository.Relative(file)} has {lines} lines; split it below {LineLimit}";
        Rule.Holds(tooLong);
    }

    [Fact]
    public void Solution_Projects_AreAllListed()
    {
        var solution = File.ReadAllText(Repository.PathOf("SmtWeb.sln")).Replace('\\', '/');
        string[] folders = ["src", "tests", "migrations"];
        var missing = folders
            .SelectMany(folder => Repository.SourceFiles(folder, ".csproj"))
            .Select(Repository.Relative)
            .Where(path => !solution.Contains($"\"{path}\""));
        Rule.Holds(missing);
    }

    [Fact]
    public void BannedSymbols_EveryBan_HasItsReason()
    {
        var bans = File.ReadLines(Repository.PathOf("BannedSymbols.txt"))
            .Where(line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal))
            .ToList();
        Assert.NotEmpty(bans);
        Assert.All(bans, ban => Assert.Matches(@"^[TMPFEN]:[^;]+;\S.{20,}$", ban));
    }

    [Fact]
    public void Documents_RelativeLinks_LeadSomewhere()
    {
        var broken =
            from file in Directory
                .EnumerateFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories)
                .Append(Repository.PathOf("README.md"))
            from Match link in Regex.Matches(File.ReadAllText(file), @"\]\(([^)#:]+)\)")
            let target = Path.Combine(Path.GetDirectoryName(file)!, link.Groups[1].Value)
            where !Path.Exists(target)
            select $"{Repository.Relative(file)} links to {link.Groups[1].Value}, which does not exist";
        Rule.Holds(broken);
    }

    [Fact]
    public void Tests_EveryProject_HasATest()
    {
        var empty = Repository
            .SourceFiles("tests", ".csproj")
            .Where(project => project.EndsWith(".Tests.csproj", StringComparison.Ordinal))
            .Select(project => Path.GetDirectoryName(project)!)
            .Where(folder =>
                !Repository
                    .SourceFiles(Repository.Relative(folder), ".cs")
                    .Any(file => File.ReadAllText(file) is var text && (text.Contains("[Fact") || text.Contains("[Theory")))
            )
            .Select(Repository.Relative);
        Rule.Holds(empty);
    }
}
