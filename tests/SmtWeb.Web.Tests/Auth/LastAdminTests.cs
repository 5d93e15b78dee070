using System.Net;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>There is always an administrator who can come in. On a node of its own: elsewhere there are many.</summary>
public sealed class LastAdminTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task LastAdmin_CannotBeDemotedOrDisabled_UntilThereIsAnother()
    {
        await using var node = await Site.FreshAsync();
        var accounts = node.Services.GetRequiredService<AccountService>();
        var first = Assert.Single(await accounts.ListAsync(Ct));
        using var program = await Site.SignedInAsync(first.Id, node); // roles are given in person
        var role = $"/api/v1/users/{first.Id}/role";
        var refused = await ProblemAsync(await program.PutAsync(role, Json("""{"role":"member"}"""), Ct), HttpStatusCode.Conflict);
        Assert.Contains("last administrator", refused.GetProperty("detail").GetString());
        await ProblemAsync(await program.PostAsync($"/api/v1/users/{first.Id}/disable", null, Ct), HttpStatusCode.Conflict);

        // one who was disabled does not count
        var (second, _) = await accounts.CreateAsync("second", LabRoles.Admin, Actor.Server);
        await accounts.SetDisabledAsync(second!.Id, true, Actor.Server);
        await ProblemAsync(await program.PutAsync(role, Json("""{"role":"reviewer"}"""), Ct), HttpStatusCode.Conflict);
        Assert.Equal((LabRoles.Admin, false), await StateAsync(accounts, first.Id));

        await accounts.SetDisabledAsync(second.Id, false, Actor.Server);
        Assert.Equal(HttpStatusCode.NoContent, (await program.PutAsync(role, Json("""{"role":"reviewer"}"""), Ct)).StatusCode);
        Assert.Equal((LabRoles.Reviewer, false), await StateAsync(accounts, first.Id));
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task TwoAdmins_WhoDemoteEachOtherAtOnce_LeaveOne()
    {
        await using var node = await Site.FreshAsync();
        var accounts = node.Services.GetRequiredService<AccountService>();
        var first = Assert.Single(await accounts.ListAsync(Ct));
        var (second, _) = await accounts.CreateAsync("second", LabRoles.Admin, Actor.Server);
        for (var round = 0; round < 5; round++)
        {
            var changes = await Task.WhenAll(
                accounts.SetRoleAsync(first.Id, LabRoles.Member, Actor.Server),
                accounts.SetDisabledAsync(second!.Id, true, Actor.Server)
            );
            Assert.Single(changes, c => c!.Problem is null);
            await accounts.SetDisabledAsync(second.Id, false, Actor.Server);
            await accounts.SetRoleAsync(first.Id, LabRoles.Admin, Actor.Server);
        }

        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Role_ThatDoesNotExist_LeavesTheAccountAsItWas()
    {
        var accounts = Site.App.Services.GetRequiredService<AccountService>();
        var member = await Site.UserAsync(LabRoles.Member);
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => accounts.SetRoleAsync(member.Id, "Emperor", Actor.Server));
        Assert.Equal((LabRoles.Member, false), await StateAsync(accounts, member.Id));
    }

    private static async Task<(string Role, bool Disabled)> StateAsync(AccountService accounts, string id)
    {
        var account = (await accounts.ListAsync(Ct)).Single(a => a.Id == id);
        return (account.Role, account.Disabled);
    }
}
