namespace SmtWeb.Web.Hosting;

/// <summary>
/// The folder of <c>appsettings.json</c> and <c>wwwroot</c>: beside the program when published, the repository root
/// when run from a build folder (<c>dotnet run</c>, tests).
/// </summary>
internal static class ContentRoot
{
    internal static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (
                File.Exists(Path.Combine(folder.FullName, "appsettings.json")) && Directory.Exists(Path.Combine(folder.FullName, "wwwroot"))
            )
            {
                return folder.FullName;
            }
        }

        return AppContext.BaseDirectory;
    }
}
