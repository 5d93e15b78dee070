using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.SignalR;
using SmtWeb.Runs;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Hubs;

/// <summary>
/// Live runs for any signed-in client or API key. Join a run first and fetch its history by REST second: then nothing
/// falls between the two, and points known twice are told by their sequence number.
/// </summary>
[Authorize(Policies.Read)]
internal sealed class RunsHub(RunBroadcast broadcast, HubGuests guests, IRunStore runs) : Hub<IRunsClient>
{
    /// <summary>Runs that one connection may follow at a time.</summary>
    public const int MaxRunsPerConnection = 64;

    /// <summary>Sends every change of run <paramref name="runId"/> to this connection from now on.</summary>
    public async Task Join(long runId)
    {
        if (broadcast.CountOf(Context.ConnectionId) >= MaxRunsPerConnection)
        {
            throw new HubException($"A connection follows at most {MaxRunsPerConnection} runs; leave one first.");
        }

        if (await runs.FindAsync(runId, Context.ConnectionAborted) is null)
        {
            throw new HubException($"There is no run {runId}.");
        }

        await broadcast.JoinAsync(Context.ConnectionId, runId);
        if (Context.ConnectionAborted.IsCancellationRequested)
        {
            // the connection went away while it joined, possibly after OnDisconnectedAsync: do not leave a ghost behind
            await broadcast.LeaveAllAsync(Context.ConnectionId);
        }
    }

    /// <summary>Ends <see cref="Join"/>.</summary>
    public Task Leave(long runId) => broadcast.LeaveAsync(Context.ConnectionId, runId);

    /// <inheritdoc/>
    public override Task OnConnectedAsync()
    {
        guests.Add(Context);
        return base.OnConnectedAsync();
    }

    /// <inheritdoc/>
    public override async Task OnDisconnectedAsync(Exception? exception)
    {
        guests.Remove(Context);
        await broadcast.LeaveAllAsync(Context.ConnectionId);
        await base.OnDisconnectedAsync(exception);
    }
}
