using Microsoft.Playwright;
using Npgsql;
using static Microsoft.Playwright.Assertions;

namespace SmtWeb.Browser.Tests;

/// <summary>Who may do what.</summary>
public sealed class RoleTests(Lab lab) : BrowserTest(lab)
{
    [Fact]
    public async Task Stranger_AnyPage_IsSentToTheSignInPage()
    {
        await using var page = await Lab.OpenAsStrangerAsync();
        foreach (
            var url in new[]
            {
                "/runs",
                "/runs/new",
                $"/runs/{Lab.Seeds.Running}/charts",
                "/admin/users",
                $"/panel/runs/{Lab.Seeds.Running}/curves",
            }
        )
        {
            await page.Page.GotoAsync(url);
            Assert.Contains("/sign-in", page.Page.Url);
        }

        await page.ShootAsync("sign-in");
    }

    [Fact]
    public async Task Reviewer_LooksAtEverything_AndChangesNothing()
    {
        await using var page = await Lab.OpenAsync("Reviewer");
        await page.GoAsync($"/runs/{Lab.Seeds.Running}/samples");
        await Expect(page.Page.Locator(".samples-figure.samples img")).ToBeVisibleAsync();
        await Expect(page.Page.GetByRole(AriaRole.Button, new() { Name = "Pause" })).ToHaveCountAsync(0);
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "New run" })).ToHaveCountAsync(0);
        foreach (var url in new[] { "/runs/new", "/admin/users" })
        {
            await page.Page.GotoAsync(url);
            await Expect(page.Page.GetByText("role does not open this page")).ToBeVisibleAsync();
        }

        await page.ShootAsync("reviewer-refused");
    }

    [Fact]
    public async Task Member_ManagesRuns_ButNotPeople()
    {
        await using var page = await Lab.OpenAsync("Member");
        await page.GoAsync("/runs");
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "New run" }).First).ToBeVisibleAsync();
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "Users" })).ToHaveCountAsync(0);
        await page.Page.GotoAsync("/admin/users");
        await Expect(page.Page.GetByText("role does not open this page")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Member_ChangesOwnRunsOnly_AndIsToldWhy()
    {
        await using var source = NpgsqlDataSource.Create(Lab.Connection);
        await using var page = await Lab.OpenAsync("Member");
        await using var account = source.CreateCommand("SELECT id FROM users WHERE user_name = 'member'");
        var spec = SmtWeb.Smt.Specs.Presets.Find("swiss-roll")!.Spec;
        var own = await Lab.Store.CreateAsync(
            new(
                "of a member",
                spec,
                "swiss-roll",
                -9,
                "member",
                (string)(await account.ExecuteScalarAsync(TestContext.Current.CancellationToken))!
            ),
            TestContext.Current.CancellationToken
        );

        await page.GoAsync($"/runs/{Lab.Seeds.Queued}/charts");
        await Expect(page.Page.Locator("[data-refusal]")).ToContainTextAsync("belongs to the lab; only an administrator changes it");
        foreach (var name in new[] { "Pause", "Cancel", "Delete", "Rename" })
        {
            await Expect(page.Page.GetByRole(AriaRole.Button, new() { NameRegex = new($"^{name}") })).ToBeDisabledAsync();
        }

        await Expect(page.Page.GetByRole(AriaRole.Link, new() { NameRegex = new("^Clone") })).ToBeVisibleAsync();
        await Expect(page.Page.Locator("[data-status]"))
            .ToHaveTextAsync("No points yet. Curves appear here within seconds of the first training steps.");
        await page.ShootAsync("run-of-others");

        await page.GoAsync("/runs?sort=owner");
        await Expect(
                page.Page.Locator("tbody tr")
                    .Filter(new() { HasText = "garments, waiting" })
                    .GetByRole(AriaRole.Button, new() { NameRegex = new("^Pause") })
            )
            .ToBeDisabledAsync();
        await page
            .Page.Locator("tbody tr")
            .Filter(new() { HasText = "of a member" })
            .GetByRole(AriaRole.Button, new() { NameRegex = new("^Pause") })
            .ClickAsync();
        await Expect(page.Page.Locator("tbody tr").Filter(new() { HasText = "of a member" }).Locator(".c-state"))
            .ToContainTextAsync("Paused");
        await page.ShootAsync("runs-owners");
        await Lab.Store.DeleteAsync(own, "member", TestContext.Current.CancellationToken);
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Keys_MadeAndRevoked_ShowTheSecretOnce()
    {
        await using var page = await Lab.OpenAsync("Member");
        await page.GoAsync("/account/keys");
        await page.Page.FillAsync("#key-name", "evaluation script");
        await page.ChooseAsync("#key-days", "30 days");
        await Expect(page.Page.GetByRole(AriaRole.Checkbox)).ToHaveCountAsync(3); // what only administrators may is not a member's to give
        await page.Page.GetByRole(AriaRole.Checkbox, new() { NameRegex = new("^generate") }).UncheckAsync();
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Make a key" }).ClickAsync();
        var secret = await page.Page.Locator(".secret").InnerTextAsync();
        using var client = new HttpClient { BaseAddress = new Uri(Lab.Address), DefaultRequestHeaders = { { "X-Api-Key", secret } } };
        Assert.Equal(
            System.Net.HttpStatusCode.OK,
            (await client.GetAsync("/api/v1/runs", TestContext.Current.CancellationToken)).StatusCode
        );
        using (
            var draw = await client.PostAsync(
                "/api/v1/generations",
                new StringContent("{}", System.Text.Encoding.UTF8, "application/json"),
                TestContext.Current.CancellationToken
            )
        )
        {
            Assert.Equal(System.Net.HttpStatusCode.Forbidden, draw.StatusCode);
        }

        await page.GoAsync("/account/keys");
        await Expect(page.Page.GetByText(secret)).ToHaveCountAsync(0);
        var row = page.Page.Locator("tbody tr").First;
        await Expect(row.Locator(".may")).ToHaveTextAsync("read, run");
        var end = DateTimeOffset.Parse(
            (await row.Locator(".ends time").GetAttributeAsync("datetime"))!,
            System.Globalization.CultureInfo.InvariantCulture
        );
        Assert.InRange((end - DateTimeOffset.UtcNow).TotalDays, 29.9, 30);
        await Expect(row.Locator(".used time")).ToHaveCountAsync(1);
        await page.ShootAsync("keys-made");
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).First.ClickAsync();
        await page.AgreeAsync("Revoke");
        await Expect(page.Page.GetByText("revoked", new() { Exact = true })).ToBeVisibleAsync();
        Assert.Equal(
            System.Net.HttpStatusCode.Unauthorized,
            (await client.GetAsync("/api/v1/runs", TestContext.Current.CancellationToken)).StatusCode
        );
    }

    [Fact]
    public async Task Administrator_DemotedWhileThePageIsOpen_ChangesNothingMore()
    {
        await using var first = await Lab.OpenAsync();
        var (name, opening) = await Lab.OpenFreshAsync("Admin");
        await using var second = opening;
        var (users, others) = (new UsersAdminPage(first), new UsersAdminPage(second));
        await others.OpenAsync();
        await others.Name.FillAsync("accomplice");
        await users.OpenAsync();
        await users.SetRoleAsync(name, "Reviewer");
        await UntilRoleAsync(name, "Reviewer");

        // nothing is clicked there: the page hears of it by itself
        await Expect(second.Page.GetByText("You are signed out")).ToBeVisibleAsync();
        await users.OpenAsync();
        await Expect(first.Page.GetByText(name, new() { Exact = true })).ToBeVisibleAsync();
        await Expect(first.Page.GetByText("accomplice")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task SignOut_InOneTab_EndsTheOthers()
    {
        var (_, opening) = await Lab.OpenFreshAsync("Member");
        await using var one = opening;
        await one.GoAsync($"/runs/{Lab.Seeds.Running}/charts");
        var other = await one.Page.Context.NewPageAsync();
        await other.GotoAsync("/runs");
        await Expect(one.Page.GetByRole(AriaRole.Button, new() { Name = "Pause" })).ToBeVisibleAsync();
        await other.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await one.Page.WaitForURLAsync(url => url.Contains("/sign-in"));
        await Expect(one.Page.GetByLabel("Password")).ToBeVisibleAsync();
    }

    /// <summary>The server has stored the role; the page shows what was chosen before that.</summary>
    private async Task UntilRoleAsync(string name, string role)
    {
        await using var source = NpgsqlDataSource.Create(Lab.Connection);
        await using var select = source.CreateCommand(
            "SELECT r.name FROM users u JOIN user_roles ON user_id = u.id JOIN roles r ON r.id = role_id WHERE u.user_name = $1"
        );
        select.Parameters.Add(new() { Value = name });
        for (var tries = 0; (string?)await select.ExecuteScalarAsync() != role; tries++)
        {
            Assert.True(tries < 300, $"{name} has not got the role {role}.");
            await Task.Delay(100);
        }
    }
}
