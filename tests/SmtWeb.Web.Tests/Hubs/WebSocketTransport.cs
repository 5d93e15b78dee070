using System.IO.Pipelines;
using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace SmtWeb.Web.Tests.Hubs;

/// <summary>
/// The transport of Microsoft.AspNetCore.Http.Connections.Client, which the package mirror lacks: one WebSocket, no
/// negotiation.
/// </summary>
internal static class WebSocketTransport
{
    internal static IHubConnectionBuilder WithWebSocket(this IHubConnectionBuilder builder, Uri hub, string? key, params (string Name, string Value)[] headers)
    {
        builder.Services.AddSingleton<IConnectionFactory>(new Factory(key is null ? headers : [.. headers, ("Authorization", "Bearer " + key)]));
        builder.Services.AddSingleton<EndPoint>(new UriEndPoint(new UriBuilder(hub) { Scheme = "ws" }.Uri));
        return builder;
    }

    private sealed class Factory((string Name, string Value)[] headers) : IConnectionFactory
    {
        public async ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken)
        {
            var socket = new ClientWebSocket();
            foreach (var (name, value) in headers)
            {
                socket.Options.SetRequestHeader(name, value);
            }

            await socket.ConnectAsync(((UriEndPoint)endpoint).Uri, cancellationToken);
            return new Connection(socket);
        }
    }

    private sealed class Connection : DefaultConnectionContext
    {
        private readonly ClientWebSocket _socket;
        private readonly Pipe _received = new();
        private readonly Pipe _toSend = new();

        public Connection(ClientWebSocket socket)
            : base(Guid.NewGuid().ToString("N"))
        {
            _socket = socket;
            Transport = new Duplex(_received.Reader, _toSend.Writer);
            Features.Set<ITransferFormatFeature>(null);
            _ = ReceiveAsync();
            _ = SendAsync();
        }

        public override ValueTask DisposeAsync()
        {
            _socket.Abort();
            _socket.Dispose();
            return default;
        }

        private async Task ReceiveAsync()
        {
            Exception? end = null;
            try
            {
                while (true)
                {
                    var got = await _socket.ReceiveAsync(_received.Writer.GetMemory(8192), default);
                    if (got.MessageType == WebSocketMessageType.Close)
                    {
                        break;
                    }

                    _received.Writer.Advance(got.Count);
                    if ((await _received.Writer.FlushAsync()).IsCompleted)
                    {
                        break;
                    }
                }
            }
            catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
            {
                end = e;
            }

            await _received.Writer.CompleteAsync(end);
        }

        private async Task SendAsync()
        {
            try
            {
                while (true)
                {
                    var read = await _toSend.Reader.ReadAsync();
                    foreach (var part in read.Buffer)
                    {
                        await _socket.SendAsync(part, WebSocketMessageType.Text, endOfMessage: true, default);
                    }

                    _toSend.Reader.AdvanceTo(read.Buffer.End);
                    if (read.IsCompleted)
                    {
                        break;
                    }
                }
            }
            catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
            {
                // the other side is gone; receiving tells why
            }

            await _toSend.Reader.CompleteAsync();
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
