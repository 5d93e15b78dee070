using System.Data.Common;
using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>
/// The user of a live page, who is signed out where <see cref="Welcome"/> says so: at once where something was taken away.
/// </summary>
internal sealed class LiveAuthenticationState : RevalidatingServerAuthenticationStateProvider
{
    private readonly Welcome _welcome;
    private readonly Departures _departures;
    private readonly ILogger _logger;

    public LiveAuthenticationState(ILoggerFactory logger, Welcome welcome, Departures departures)
        : base(logger)
    {
        (_welcome, _departures, _logger) = (welcome, departures, logger.CreateLogger<LiveAuthenticationState>());
        departures.Happened += OnDeparture;
    }

    /// <inheritdoc/>
    protected override TimeSpan RevalidationInterval => Welcome.AskEvery;

    /// <summary>Asks now, and signs the page out where the answer is no; the person, or nobody.</summary>
    internal async Task<ClaimsPrincipal> AskAgainAsync()
    {
        var person = (await GetAuthenticationStateAsync()).User;
        if (person.Identity?.IsAuthenticated != true || await _welcome.LastsAsync(person, CancellationToken.None))
        {
            return person;
        }

        var nobody = new ClaimsPrincipal(new ClaimsIdentity());
        SetAuthenticationState(Task.FromResult(new AuthenticationState(nobody)));
        return nobody;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _departures.Happened -= OnDeparture;
        base.Dispose(disposing);
    }

    private void OnDeparture(string? userId) =>
        _ = Task.Run(async () =>
        {
            try
            {
                var person = (await GetAuthenticationStateAsync()).User;
                if (userId is null || userId == person.FindFirstValue(ClaimTypes.NameIdentifier))
                {
                    await AskAgainAsync();
                }
            }
            catch (Exception e) when (e is DbException or ObjectDisposedException or InvalidOperationException)
            {
                // The database is away, or the page has just gone, or has nobody yet: it is asked again within a minute.
                _logger.LogDebug(e, "A live page could not be asked whether its person may stay");
            }
        });

    /// <inheritdoc/>
    protected override async Task<bool> ValidateAuthenticationStateAsync(
        AuthenticationState authenticationState,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await _welcome.LastsAsync(authenticationState.User, cancellationToken);
        }
        catch (DbException)
        {
            // The base class takes a fault for a no, and would sign every open page out because the database restarts.
            return true;
        }
    }
}
