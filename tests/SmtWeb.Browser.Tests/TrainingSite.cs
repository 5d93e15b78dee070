namespace SmtWeb.Browser.Tests;

/// <summary>A node with a worker on a folder and a database of its own, as ./run.sh makes it, and its administrator's page.</summary>
internal sealed class TrainingSite : IAsyncDisposable
{
    private readonly PanelNode _node;

    private TrainingSite(string folder, PanelNode node, PanelPage page) => (Folder, _node, Page) = (folder, node, page);

    /// <summary>Its data folder.</summary>
    internal string Folder { get; }

    internal PanelPage Page { get; }

    internal static async Task<TrainingSite> OpenAsync(Lab lab)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"smtweb-training-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        var node = await PanelNode.StartAsync("--port", "0", "--data", folder, "--no-quickstart");
        return new TrainingSite(folder, node, await SignInAsync(lab, node));
    }

    /// <summary>The page of a new node's first administrator.</summary>
    internal static async Task<PanelPage> SignInAsync(Lab lab, PanelNode node)
    {
        var context = await lab.Browser.NewContextAsync(
            new()
            {
                BaseURL = node.Address,
                ViewportSize = new() { Width = 1280, Height = 900 },
            }
        );
        var page = new PanelPage(context, await context.NewPageAsync());
        await page.Page.GotoAsync(node.Link);
        await page.Page.FillAsync("#password", Lab.Password);
        await page.Page.FillAsync("#again", Lab.Password);
        await page.Page.ClickAsync("button[type=submit]");
        await page.LiveAsync();
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await Page.DisposeAsync();
        await _node.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
