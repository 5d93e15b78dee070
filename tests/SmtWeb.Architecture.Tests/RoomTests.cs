using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace SmtWeb.Architecture.Tests;

/// <summary>The dependency rule: each room knows only the rooms above it in the design's list.</summary>
public sealed class RoomTests
{
    public static TheoryData<string> Rooms => new(Room.All.Select(room => room.Name));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Assembly_References_StayWithinItsRoom(string name)
    {
        var room = Find(name);
        using var assembly = new CompiledAssembly(room.AssemblyFile);
        var rooms = Room.All.Select(r => r.Name).ToHashSet();
        var strangers = assembly.References.Where(rooms.Contains).Except(room.MayUse).ToList();
        Assert.True(
            strangers.Count == 0,
            $"{name} uses {string.Join(", ", strangers)}; it may use {Or(room.MayUse)}. See docs/adr/0013-rooms.md."
        );
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Assembly_Libraries_AreThoseOfItsRoom(string name)
    {
        var room = Find(name);
        using var assembly = new CompiledAssembly(room.AssemblyFile);
        var breaches =
            from reference in assembly.References
            from rule in room.Forbidden
            where reference == rule.Prefix || reference.StartsWith(rule.Prefix + ".", StringComparison.Ordinal)
            select $"{name} uses {reference}: {rule.Reason}";
        Rule.Holds(breaches);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Project_References_StayWithinItsRoom(string name)
    {
        var room = Find(name);
        var project = Directory.EnumerateFiles(Repository.PathOf(room.Project), "*.csproj").Single();
        var referenced = XDocument
            .Load(project)
            .Descendants("ProjectReference")
            .Select(e => Path.GetFileNameWithoutExtension(((string)e.Attribute("Include")!).Replace('\\', '/')));
        Rule.Holds(referenced.Except(room.MayUse));
    }

    [Fact]
    public void Web_Queries_AreAskedOfRuns()
    {
        string[] query =
        [
            "DbContext",
            "DbSet`1",
            "EntityFrameworkQueryableExtensions",
            "RelationalDatabaseFacadeExtensions",
            "RelationalQueryableExtensions",
        ];
        using var web = new CompiledAssembly(Find("smtweb").AssemblyFile);
        Rule.Holds(web.UsedTypes.Intersect(query.Select(type => "Microsoft.EntityFrameworkCore." + type)));
        Assert.DoesNotContain(
            web.Literals,
            literal =>
                Regex.IsMatch(
                    literal,
                    @"^\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM)\s",
                    RegexOptions.IgnoreCase | RegexOptions.Singleline
                )
        );
    }

    [Fact]
    public void Interop_Imports_LieInOneFolder()
    {
        var outside = Repository
            .SourceFiles("src/SmtWeb.Torch", ".cs")
            .Concat(Repository.SourceFiles("src/SmtWeb.Smt", ".cs"))
            .Where(file => !file.Contains("/Interop/") && Regex.IsMatch(File.ReadAllText(file), @"\[(DllImport|LibraryImport)\("))
            .Select(Repository.Relative)
            .Except(["src/SmtWeb.Torch/AssemblyInfo.cs"]);
        Rule.Holds(outside);
    }

    private static Room Find(string name) => Room.All.Single(room => room.Name == name);

    private static string Or(string[] names) => names.Length == 0 ? "no other room" : string.Join(", ", names);
}
