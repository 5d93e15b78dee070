using Microsoft.Playwright;

namespace SmtWeb.Browser.Tests;

/// <summary>The page on which an administrator manages accounts.</summary>
internal sealed class UsersAdminPage(PanelPage page)
{
    internal Task OpenAsync() => page.GoAsync("/admin/users");

    internal ILocator Name => page.Page.GetByLabel("Name", new() { Exact = true });

    internal ILocator AddButton => page.Page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true });

    /// <summary>Makes an account and takes the link for its owner.</summary>
    internal async Task<string> InviteAsync(string name, string role)
    {
        await Name.FillAsync(name);
        if (await page.Page.GetByLabel("Role", new() { Exact = true }).InputValueAsync() != role)
        {
            await page.ChooseAsync(page.Page.GetByLabel("Role", new() { Exact = true }), role);
        }

        await AddButton.ClickAsync();
        return await page.Page.GetByRole(AriaRole.Status).Locator("code").InnerTextAsync();
    }

    internal Task SetRoleAsync(string name, string role) =>
        page.ChooseAsync(page.Page.GetByLabel($"Role of {name}", new() { Exact = true }), role);
}
