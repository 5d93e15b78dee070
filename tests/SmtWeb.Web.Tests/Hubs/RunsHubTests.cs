using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Hubs;

namespace SmtWeb.Web.Tests.Hubs;

/// <summary>The hub as a program uses it.</summary>
public sealed class RunsHubTests(SiteFixture site) : SiteTest(site)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Join_RunChanges_MessageArrivesAtThoseWhoJoined()
    {
        var run = await NewRunAsync();
        var other = await NewRunAsync();
        await using var follower = await ConnectAsync(LabRoles.Reviewer);
        await using var elsewhere = await ConnectAsync(LabRoles.Reviewer);
        var heard = StatesOf(follower);
        var heardElsewhere = StatesOf(elsewhere);
        await follower.InvokeAsync("Join", run, Ct);
        await elsewhere.InvokeAsync("Join", other, Ct);
        await Site.Runs.PauseAsync(run, "test", Ct);
        await Site.Runs.CancelAsync(other, "test", Ct);
        Assert.Equal((run, "paused"), await UntilAsync(heard, "paused"));
        Assert.Equal((other, "cancelled"), await UntilAsync(heardElsewhere, "cancelled"));

        await follower.InvokeAsync("Leave", run, Ct);
        await Site.Runs.ResumeAsync(run, "test", Ct);
        await follower.InvokeAsync("Join", other, Ct); // a round trip behind the change
        while (heard.TryRead(out var late))
        {
            Assert.NotEqual((run, "queued"), late); // a second word about the pause may still come, one about the resumption may not
        }
    }

    [Fact]
    public async Task Join_ManyClientsOfOneRun_ShareOneFeed()
    {
        var broadcast = Site.App.Services.GetRequiredService<RunBroadcast>();
        var run = await NewRunAsync();
        var key = await Site.KeyAsync(LabRoles.Reviewer);
        var clients = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => ConnectWithKeyAsync(key)));
        var heard = clients.Select(StatesOf).ToList();
        await Task.WhenAll(clients.Select(c => c.InvokeAsync("Join", run, Ct)));
        Assert.Equal(30, broadcast.MembersOf(run));
        Assert.True(broadcast.HasFeed(run));
        await Site.Runs.PauseAsync(run, "test", Ct);
        foreach (var channel in heard)
        {
            Assert.Equal((run, "paused"), await UntilAsync(channel, "paused"));
        }

        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        for (var i = 0; i < 200 && broadcast.HasFeed(run); i++)
        {
            await Task.Delay(50, Ct);
        }

        Assert.False(broadcast.HasFeed(run)); // the last one switches off the light
    }

    [Fact]
    public async Task Join_RunThatDoesNotExistOrOneTooMany_IsRefusedInWords()
    {
        await using var client = await ConnectAsync(LabRoles.Reviewer);
        var unknown = await Assert.ThrowsAsync<HubException>(() => client.InvokeAsync("Join", 999_999L, Ct));
        Assert.Contains("There is no run 999999.", unknown.Message);
        for (var i = 0; i < RunsHub.MaxRunsPerConnection; i++)
        {
            await client.InvokeAsync("Join", await NewRunAsync(), Ct);
        }

        var run = await NewRunAsync();
        var tooMany = await Assert.ThrowsAsync<HubException>(() => client.InvokeAsync("Join", run, Ct));
        Assert.Contains("at most 64 runs", tooMany.Message);
    }

    [Fact]
    public async Task Connect_Stranger_IsRefused() =>
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await Assert.ThrowsAsync<HttpRequestException>(() => ConnectWithKeyAsync(null))).StatusCode
        );

    [Theory]
    [InlineData(HttpTransportType.WebSockets)]
    [InlineData(HttpTransportType.ServerSentEvents)]
    [InlineData(HttpTransportType.LongPolling)]
    public async Task Join_ByEveryTransport_HearsOfChanges(HttpTransportType transport)
    {
        var run = await NewRunAsync();
        await using var follower = await ConnectWithKeyAsync(await Site.KeyAsync(LabRoles.Reviewer), transport);
        var heard = StatesOf(follower);
        await follower.InvokeAsync("Join", run, Ct);
        await Site.Runs.PauseAsync(run, "test", Ct);
        Assert.Equal((run, "paused"), await UntilAsync(heard, "paused"));
    }

    [Fact]
    public async Task LiveClient_TheSampleOfTheDocumentation_PrintsPointsAndStates()
    {
        var program = Site.GetType().Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "LiveClient").Value!;
        var (run, writer) = await Site.TrainingRunAsync("swiss-roll");
        await writer.WriteAsync(new JournalBatch(1, [new MetricPoint("loss/score", 1, 64, 0.1, 0.75)], [], [], []), Ct);
        var start = new ProcessStartInfo("dotnet", [program, Site.Address.ToString(), $"{run}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SMTWEB_KEY"] = await Site.KeyAsync(LabRoles.Reviewer);
        using var client = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        try
        {
            // the history first, then what happens now
            Assert.Equal("1 loss/score 0.75", await client.StandardOutput.ReadLineAsync(limit.Token));
            await writer.WriteAsync(new JournalBatch(2, [new MetricPoint("loss/score", 2, 128, 0.2, 0.5)], [], [], []), Ct);
            Assert.Equal("2 loss/score 0.5", await LineAsync(client, l => l.StartsWith("2 ", StringComparison.Ordinal), limit.Token));
            await Site.Runs.CancelAsync(run, "test", Ct);
            Assert.StartsWith("stopping", await LineAsync(client, l => l.StartsWith("stopping", StringComparison.Ordinal), limit.Token));
        }
        finally
        {
            client.Kill();
            await client.WaitForExitAsync(CancellationToken.None);
        }

        static async Task<string> LineAsync(Process process, Predicate<string> wanted, CancellationToken ct)
        {
            while (true)
            {
                var line =
                    await process.StandardOutput.ReadLineAsync(ct)
                    ?? throw new EndOfStreamException(await process.StandardError.ReadToEndAsync(ct));
                if (wanted(line))
                {
                    return line;
                }
            }
        }
    }

    [Fact]
    public async Task Connect_FromAnotherSite_IsRefused()
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + await Site.KeyAsync(LabRoles.Reviewer));
        socket.Options.SetRequestHeader("Origin", "https://evil.example");
        await Assert.ThrowsAsync<WebSocketException>(() =>
            socket.ConnectAsync(new UriBuilder(new Uri(Site.Address, "/hubs/runs")) { Scheme = "ws" }.Uri, Ct)
        );
    }

    [Fact]
    public async Task Connection_KeyRevokedOrAccountDisabled_IsClosed()
    {
        var accounts = Site.App.Services.GetRequiredService<AccountService>();
        var keys = Site.App.Services.GetRequiredService<ApiKeyService>();
        var (stays, goes, disabled) = (
            await Site.UserAsync(LabRoles.Reviewer),
            await Site.UserAsync(LabRoles.Reviewer),
            await Site.UserAsync(LabRoles.Member)
        );
        var kept = await keys.CreateAsync(stays.Id, "kept", Actor.Server, ct: Ct);
        var revoked = await keys.CreateAsync(goes.Id, "revoked", Actor.Server, ct: Ct);
        await using var one = await ConnectWithKeyAsync(kept.Secret);
        await using var two = await ConnectWithKeyAsync(revoked.Secret);
        await using var three = await ConnectWithKeyAsync((await keys.CreateAsync(disabled.Id, "disabled", Actor.Server, ct: Ct)).Secret);
        var ends = new[] { two, three }.Select(EndOf).ToList();
        await keys.RevokeAsync(revoked.Key.Id, null, Actor.Server, Ct);
        await accounts.SetDisabledAsync(disabled.Id, true, Actor.Server);

        await Task.WhenAll(ends).WaitAsync(Patience, Ct);
        await one.InvokeAsync("Join", await NewRunAsync(), Ct); // and this one goes on
    }

    [Fact]
    public async Task Follower_ThatDoesNotRead_IsDroppedAndHoldsUpNobody()
    {
        var (run, writer) = await Site.TrainingRunAsync("swiss-roll");
        var broadcast = Site.App.Services.GetRequiredService<RunBroadcast>();
        await using var follower = await ConnectAsync(LabRoles.Reviewer);
        var newest = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        follower.On<JsonElement>(
            nameof(IRunsClient.Log),
            m =>
            {
                if (m.GetProperty("event").GetProperty("message").GetString() == "the last word")
                {
                    newest.TrySetResult();
                }
            }
        );
        await follower.InvokeAsync("Join", run, Ct);
        using var deaf = await DeafAsync(run);
        Assert.True(SpinWait.SpinUntil(() => broadcast.MembersOf(run) == 2, Patience));

        // more than the socket and the hub keep for one who does not read
        const int Points = 20_000,
            Batches = 4;
        for (var batch = 1; batch <= Batches; batch++)
        {
            var points = Enumerable.Range(0, Points).Select(i => new MetricPoint("loss/score", i, i, i, 1.0 / (i + 1))).ToList();
            await writer.WriteAsync(new JournalBatch(batch, points, [], [], []), Ct);
        }

        await writer.WriteAsync(new JournalBatch(Batches + 1, [], [], [], [new JournalLine(LogLevel.Information, "the last word")]), Ct);
        await newest.Task.WaitAsync(Patience, Ct);
        Assert.True(SpinWait.SpinUntil(() => broadcast.MembersOf(run) == 1, Patience));
    }

    /// <summary>A client that joins a run, says now and then that it is there, and never reads.</summary>
    private async Task<ClientWebSocket> DeafAsync(long run)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + await Site.KeyAsync(LabRoles.Reviewer));
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, ct) =>
            {
                var plain = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
                await plain.ConnectAsync(context.DnsEndPoint, ct);
                return new NetworkStream(plain, ownsSocket: true);
            },
        };
        await socket.ConnectAsync(
            new UriBuilder(new Uri(Site.Address, "/hubs/runs")) { Scheme = "ws" }.Uri,
            new HttpMessageInvoker(handler, disposeHandler: false),
            Ct
        );
        foreach (
            var message in new[]
            {
                """{"protocol":"json","version":1}""",
                $$"""{"type":1,"target":"Join","arguments":[{{run}}]}""",
                """{"type":6}""",
            }
        )
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(message + "\u001e"), WebSocketMessageType.Text, true, Ct);
        }

        return socket;
    }

    private static Task EndOf(HubConnection connection)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Closed += _ =>
        {
            end.TrySetResult();
            return Task.CompletedTask;
        };
        return end.Task;
    }

    private Task<long> NewRunAsync() =>
        Site.Runs.CreateAsync(new NewRun("hub", Presets.Find("swiss-roll")!.Spec, "swiss-roll", 0, "test"), Ct);

    private async Task<HubConnection> ConnectAsync(string role) => await ConnectWithKeyAsync(await Site.KeyAsync(role));

    private async Task<HubConnection> ConnectWithKeyAsync(string? key, HttpTransportType transport = HttpTransportType.WebSockets)
    {
        var connection = new HubConnectionBuilder()
            .WithUrl(new Uri(Site.Address, "/hubs/runs"), transport, o => o.AccessTokenProvider = () => Task.FromResult(key))
            .Build();
        await connection.StartAsync(Ct);
        return connection;
    }

    private static ChannelReader<(long Run, string State)> StatesOf(HubConnection connection)
    {
        var heard = Channel.CreateUnbounded<(long, string)>();
        connection.On<JsonElement>(
            nameof(IRunsClient.StateChange),
            m => heard.Writer.TryWrite((m.GetProperty("runId").GetInt64(), m.GetProperty("summary").GetProperty("state").GetString()!))
        );
        return heard.Reader;
    }

    private static async Task<(long Run, string State)> UntilAsync(ChannelReader<(long Run, string State)> heard, string state)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(Patience);
        while (true)
        {
            var message = await heard.ReadAsync(limit.Token);
            if (message.State == state)
            {
                return message;
            }
        }
    }
}
