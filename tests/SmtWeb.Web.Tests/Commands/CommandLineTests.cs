using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Web.Cli;
using SmtWeb.Web.Hosting;
using SmtWeb.Worker;

namespace SmtWeb.Web.Tests.Commands;

/// <summary>What people type, and what they are told.</summary>
public sealed class CommandLineTests
{
    private static readonly string Root = Path.GetTempPath();

    [Fact]
    public void Serve_CommandLineOverConfiguration_CommandLineWins()
    {
        var options = Serve(
            ["--port=0", "--data", "/var/lib/x", "--role", "web", "--no-quickstart"],
            ("SmtWeb:Port", "7000"),
            ("SmtWeb:Threads", "4")
        );
        Assert.Equal(
            (0, "/var/lib/x", NodeRole.Web, 4, false),
            (options.Port, options.Data, options.Role, options.Threads, options.Quickstart)
        );
    }

    [Fact]
    public void Serve_HostsProxiesAndOpenLab_AreReadFromBothSources()
    {
        var typed = Serve(["--hosts", "lab.example.org,10.0.0.7", "--proxies=10.0.0.1 10.1.0.0/16", "--open-lab"]);
        Assert.Equal(["lab.example.org", "10.0.0.7"], typed.Hosts);
        Assert.Equal((2, true), (typed.Proxies.Count, typed.OpenLab));
        var configured = Serve([], ("SmtWeb:Hosts", "lab.example.org"), ("SmtWeb:Proxies", "::1"), ("SmtWeb:OpenLab", "true"));
        Assert.Equal((1, 1, true), (configured.Hosts.Count, configured.Proxies.Count, configured.OpenLab));
        var usual = Serve([], ("SmtWeb:Hosts", ""), ("SmtWeb:Proxies", ""));
        Assert.Equal((0, 0, false), (usual.Hosts.Count, usual.Proxies.Count, usual.OpenLab));
        Assert.StartsWith(
            "Setting SmtWeb:Proxies: 'lab'",
            Assert.Throws<CommandLineException>(() => Serve([], ("SmtWeb:Proxies", "lab"))).Message
        );
    }

    [Fact]
    public void Documents_CommandsTheyName_AreCommandsOfTheProgram()
    {
        var root = typeof(SiteFixture)
            .Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyMetadataAttribute), false)
            .Cast<System.Reflection.AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepoRoot")
            .Value!;
        var known = CommandTable.Create().Names.Append("help").ToHashSet();
        var named =
            from file in Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md").Append(Path.Combine(root, "README.md"))
            from System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(
                File.ReadAllText(file),
                @"(?:\./run\.sh|^ *smtweb|`smtweb) ([a-z][a-z0-9]*)\b",
                System.Text.RegularExpressions.RegexOptions.Multiline
            )
            select (File: Path.GetFileName(file), Command: match.Groups[1].Value);
        Assert.Contains(named, n => n.Command == "neighbours");
        Assert.DoesNotContain(named, n => !known.Contains(n.Command));
    }

    [Fact]
    public async Task Program_ForeignText_CommandsNoTerminal()
    {
        var here = AppContext.BaseDirectory;
        var start = new System.Diagnostics.ProcessStartInfo(
            Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet"
        )
        {
            RedirectStandardError = true,
            ArgumentList =
            {
                "exec",
                "--depsfile",
                Path.Combine(here, "SmtWeb.Web.Tests.deps.json"),
                "--runtimeconfig",
                Path.Combine(here, "SmtWeb.Web.Tests.runtimeconfig.json"),
                Path.Combine(here, "smtweb.dll"),
                "sample",
                "--checkpoint",
                "/tmp/\u001b[2J\u202egpj.safetensors",
                "--out",
                "/tmp/x.png",
            },
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, process.ExitCode);
        Assert.DoesNotContain('\u001b', error);
        Assert.DoesNotContain('\u202e', error);
        Assert.Contains("\\u{1B}[2J\\u{202E}gpj", error);
    }

    [Fact]
    public void Serve_DataOfConfiguration_IsRelativeToItsFile() =>
        Assert.Equal(Path.Combine(Root, "somewhere"), Serve([], ("SmtWeb:Data", "somewhere")).Data);

    [Theory]
    [InlineData("/var/lib/x/metrics", "--data", "/var/lib/x")]
    [InlineData("/srv/inception", "--data", "/var/lib/x", "--metrics", "/srv/inception")]
    public void Serve_DataFolder_IsWhereTrainersAndEvaluationsFindTheInceptionFile(string expected, params string[] args)
    {
        using var app = SmtWebApp.Build(Serve(args), "Host=localhost");
        Assert.Equal(expected, app.Services.GetRequiredService<WorkerOptions>().MetricsFolder);
    }

    [Theory]
    [InlineData("Unknown option '--prot'. Did you mean --port?", "--prot", "5")]
    [InlineData("Option --port needs a value: --port N.", "--port")]
    [InlineData("Option --port: '70000' is not a whole number from 0 to 65535.", "--port", "70000")]
    [InlineData("Option --port: 'http' is not a whole number from 0 to 65535.", "--port=http")]
    [InlineData("Option --port is given twice.", "--port=1", "--port=2")]
    [InlineData("Option --no-quickstart takes no value.", "--no-quickstart=yes")]
    [InlineData("Role 'boss' is none of all, web, worker.", "--role", "boss")]
    [InlineData("Unexpected argument 'please'.", "please")]
    public void Serve_WrongOption_IsNamedWithTheWayOut(string message, params string[] args) =>
        Assert.Equal(message, Assert.Throws<CommandLineException>(() => Serve(args)).Message);

    [Fact]
    public void Serve_WrongConfiguration_NamesItsSource() =>
        Assert.Equal(
            "Setting SmtWeb:port: 'x' is not a whole number from 0 to 65535.",
            Assert.Throws<CommandLineException>(() => Serve([], ("SmtWeb:Port", "x"))).Message
        );

    [Theory]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("0", 0ul)]
    public void Seed_UpToUnsigned64Bits_IsRead(string text, ulong seed) =>
        Assert.Equal(seed, CommandArguments.Parse(["--seed", text], [new("seed", "N", "")], 0).Seed("seed", 1));

    [Theory]
    [InlineData("18446744073709551616")]
    [InlineData("-1")]
    public void Seed_BeyondUnsigned64Bits_IsRefused(string text) =>
        Assert.Throws<CommandLineException>(() => CommandArguments.Parse(["--seed", text], [new("seed", "N", "")], 0).Seed("seed", 1));

    [Theory]
    [InlineData(2, "trian")]
    [InlineData(2, "--prot")]
    [InlineData(0, "--help")]
    [InlineData(0, "serve", "--help")]
    public async Task Program_ExitCode_TellsUsageErrors(int code, params string[] args) =>
        Assert.Equal(code, await new CommandTable(new ServeCommand()).RunAsync(args));

    private static ServeOptions Serve(string[] args, params (string Key, string Value)[] configuration) =>
        ServeOptions.Read(
            CommandArguments.Parse(args, ServeOptions.CommandOptions, 0),
            new ConfigurationBuilder()
                .AddInMemoryCollection(configuration.Select(c => KeyValuePair.Create(c.Key, (string?)c.Value)))
                .Build(),
            Root
        );
}
