using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Tests;

/// <summary>
/// A database that is away is told as such, by queries of Entity Framework too: those who wait for it know it by its type.
/// </summary>
public sealed class UnreachableTests
{
    [Fact]
    public async Task Query_WithoutAServer_ThrowsWhatRetryAsyncKnows()
    {
        await using var database = new TestDatabase("Host=127.0.0.1;Port=1;Username=nobody;Password=x;Database=x;Timeout=5");
        var fault = await Assert.ThrowsAsync<NpgsqlException>(() => database.Store.ListAsync());
        Assert.True(PostgresFaults.IsConnectionLoss(fault));
    }
}
