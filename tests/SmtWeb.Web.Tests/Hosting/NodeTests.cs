using System.Net;
using System.Net.Sockets;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Tests.Hosting;

/// <summary>A node that cannot open says why before it starts a database.</summary>
public sealed class NodeTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("smtweb-node-").FullName;

    [Fact]
    public async Task Run_PortTaken_IsSaidBeforeADatabaseIsStarted()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var refused = await Assert.ThrowsAsync<IOException>(() => Run(port));
        Assert.Equal($"Port {port} is taken by another program. Choose another one with --port N, or 0 for any free one.", refused.Message);
        Assert.False(Directory.Exists(Path.Combine(_data, "postgres")));
    }

    [Fact]
    public async Task Run_FolderOfAnotherNode_IsRefusedAndNamesItsProcess()
    {
        using (DataFolder.Claim(_data))
        {
            var refused = await Assert.ThrowsAsync<IOException>(() => Run(0));
            Assert.StartsWith($"The data folder {_data} is in use by another SmtWeb (process {Environment.ProcessId}).", refused.Message);
            Assert.False(Directory.Exists(Path.Combine(_data, "postgres")));
        }

        DataFolder.Claim(_data).Dispose(); // free again
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private Task Run(int port) =>
        Node.RunAsync(new ServeOptions { Data = _data, Port = port }, TextWriter.Null, TestContext.Current.CancellationToken);
}
