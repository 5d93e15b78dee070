using System.Diagnostics;

namespace SmtWeb.Architecture.Tests;

/// <summary>run.sh and test.sh: what they say, and that they stop before doing half of it.</summary>
public sealed class ScriptTests
{
    [Theory]
    [InlineData("--port")]
    [InlineData("--host")]
    [InlineData("--data")]
    [InlineData("--role")]
    [InlineData("--connection")]
    [InlineData("--threads")]
    [InlineData("--no-quickstart")]
    [InlineData("--hosts")]
    [InlineData("--proxies")]
    [InlineData("--open-lab")]
    public async Task RunHelp_Option_IsListed(string option)
    {
        var (status, output, _) = await Bash("./run.sh --help");
        Assert.Equal(0, status);
        Assert.Contains(option, output);
    }

    [Theory]
    [InlineData("--port 5o80", "--port", "'5o80'")]
    [InlineData("--port=65536", "--port", "'65536'")]
    [InlineData("--port -1", "--port", "'-1'")]
    [InlineData("--threads many", "--threads", "'many'")]
    [InlineData("--role both", "--role", "'both'")]
    [InlineData("--connection", "--connection", "needs a value")]
    [InlineData("--prot 80", "'--prot'", "--help")]
    public async Task Run_BadOption_IsRefusedByName(string arguments, string option, string says)
    {
        var (status, output, error) = await Bash($"./run.sh {arguments}");
        Assert.Equal(1, status);
        Assert.Empty(output);
        Assert.Contains(option, error);
        Assert.Contains(says, error);
    }

    [Theory]
    [InlineData("neighbours --dataset a.zip", "neighbours --dataset a.zip")]
    [InlineData("train --help", "train --help")]
    [InlineData("a-command-of-tomorrow --flag x", "a-command-of-tomorrow --flag x")]
    [InlineData("help", "help")]
    [InlineData("serve", "serve")]
    [InlineData("--port 0", "serve")]
    [InlineData("", "serve")]
    public async Task Run_AnyCommand_IsTheProgramsToKnow(string typed, string passed)
    {
        // run.sh itself, with a program that says what it was given
        var (status, output, error) = await Bash(
            $$"""
            top=$(mktemp -d); trap 'rm -rf "$top"' EXIT; cp run.sh "$top"; mkdir -p "$top/scripts" "$top/artifacts/app"
            cat >"$top/scripts/requirements.sh" <<'STUB'
            say() { :; }; fail() { echo "error: $*" >&2; exit 1; }; require_dotnet() { :; }; need() { :; }; closed_to_others() { :; }
            set_runtime_environment() { :; }; source_hash() { echo same; }; nvidia_driver() { return 1; }; requirements_run=() requirements_wanted=()
            STUB
            echo same >"$top/artifacts/app.stamp"
            printf '#!/bin/sh\necho "$*"\n' >"$top/artifacts/app/smtweb"; chmod +x "$top/artifacts/app/smtweb"
            bash "$top/run.sh" {{typed}}
            """
        );
        Assert.Equal((0, passed + "\n"), (status, output));
        Assert.Empty(error);
    }

    [Fact]
    public async Task Need_NoRoot_ListsWhatIsMissingAndStops()
    {
        var (status, output, error) = await Bash(
            """
            root=$PWD artifacts=$PWD/artifacts; . scripts/requirements.sh
            can_be_root() { return 1; }
            apt-get() { echo "apt-get was called"; }
            need "there|is here|false || true" "smtweb-no-such-package|a test of the list|false" "smtweb-another|the second line|[ -e /no/such/file ] || false"
            echo "it went on"
            """
        );
        Assert.Equal(1, status);
        Assert.Empty(output);
        Assert.Contains("smtweb-no-such-package", error);
        Assert.Contains("a test of the list", error);
        Assert.Contains("smtweb-another", error);
        Assert.DoesNotContain("is here", error);
        Assert.Contains("apt-get install --no-install-recommends smtweb-no-such-package smtweb-another", error);
    }

    [Fact]
    public async Task Need_NothingMissing_IsSilent()
    {
        var (status, output, error) = await Bash(
            """root=$PWD artifacts=$PWD/artifacts; . scripts/requirements.sh; need "there|is here|true"; echo on"""
        );
        Assert.Equal((0, "on\n", ""), (status, output, error));
    }

    [Fact]
    public async Task SourceHash_ChangedFile_ChangesIt()
    {
        var (status, output, _) = await Bash(
            """
            root=$(mktemp -d); artifacts=$root/artifacts; . scripts/requirements.sh
            mkdir -p "$root/src/obj"; echo a >"$root/src/a"; one=$(source_hash src)
            echo b >"$root/src/obj/b"; [ "$(source_hash src)" = "$one" ] && echo "outputs do not count"
            echo bb >"$root/src/a"; [ "$(source_hash src)" = "$one" ] || echo "sources count"
            rm -rf "$root"
            """
        );
        Assert.Equal((0, "outputs do not count\nsources count\n"), (status, output));
    }

    [Fact]
    public async Task ClosedToOthers_PrivateFolder_IsNamed()
    {
        var (status, output, _) = await Bash(
            """
            root=$PWD artifacts=$PWD/artifacts; . scripts/requirements.sh
            top=$(mktemp -d); chmod 755 "$top"; mkdir -p "$top/open/private/deep"; chmod 700 "$top/open/private"
            [ "$(closed_to_others "$top/open/private/deep/not/there/yet")" = "$top/open/private" ] && echo closed
            [ -z "$(closed_to_others "$top/open")" ] && echo open
            rm -rf "$top"
            """
        );
        Assert.Equal((0, "closed\nopen\n"), (status, output));
    }

    [Theory]
    [InlineData("""<Counters total="5" executed="4" passed="3" failed="1" error="0" />""", "3 1 1")]
    [InlineData("""<Counters total="2" executed="2" passed="2" failed="0" error="0" />""", "2 0 0")]
    [InlineData("nothing", "0 0 0")]
    public async Task Count_ResultsFile_IsSummed(string content, string expected)
    {
        var (status, output, _) = await Bash(
            $"""
            root=$PWD artifacts=$PWD/artifacts; . scripts/requirements.sh
            file=$(mktemp); echo '<x> {content} </x>' >"$file"; count_results "$file"; rm "$file"
            """
        );
        Assert.Equal((0, expected + "\n"), (status, output));
    }

    private static async Task<(int Status, string Output, string Error)> Bash(string script)
    {
        var start = new ProcessStartInfo("/bin/bash")
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
