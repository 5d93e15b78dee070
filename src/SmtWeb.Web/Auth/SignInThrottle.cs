using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace SmtWeb.Web.Auth;

/// <summary>
/// Slows guessing of passwords: so many attempts a minute from one address (one /64 network of IPv6), and so many on one
/// account from anywhere. Identity's lockout, which survives restarts, stands behind it.
/// </summary>
internal sealed class SignInThrottle(IConfiguration configuration) : IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<string> _addresses = PerMinute(
        configuration.GetValue("SmtWeb:SignIn:AttemptsPerMinuteAndAddress", 30)
    );
    private readonly PartitionedRateLimiter<string> _accounts = PerMinute(
        configuration.GetValue("SmtWeb:SignIn:AttemptsPerMinuteAndAccount", 10)
    );

    /// <summary>Null where the attempt may go on, else how long to wait.</summary>
    internal TimeSpan? Attempt(IPAddress? address, string? account)
    {
        using var byAddress = _addresses.AttemptAcquire(Network(address));
        if (!byAddress.IsAcquired)
        {
            return RetryAfter(byAddress);
        }

        if (account is null)
        {
            return null;
        }

        using var byAccount = _accounts.AttemptAcquire(account.ToUpperInvariant());
        return byAccount.IsAcquired ? null : RetryAfter(byAccount);
    }

    public void Dispose()
    {
        _addresses.Dispose();
        _accounts.Dispose();
    }

    private static TimeSpan RetryAfter(RateLimitLease lease) => lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : Window;

    private static string Network(IPAddress? address) =>
        address switch
        {
            null => "",
            { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
            { AddressFamily: AddressFamily.InterNetworkV6 } => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
            _ => address.ToString(),
        };

    private static PartitionedRateLimiter<string> PerMinute(int attempts) =>
        PartitionedRateLimiter.Create<string, string>(key =>
            RateLimitPartition.GetFixedWindowLimiter(
                key,
                _ => new FixedWindowRateLimiterOptions
                {
                    PermitLimit = attempts,
                    Window = Window,
                    QueueLimit = 0,
                }
            )
        );
}
