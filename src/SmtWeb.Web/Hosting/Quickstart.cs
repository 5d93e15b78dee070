using SmtWeb.Runs;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Hosting;

/// <summary>Queues the quickstart runs while the database holds none, so that the first page of a new installation is alive.</summary>
internal sealed class Quickstart(IRunStore runs, ServeOptions options)
{
    private static readonly string[] PresetNames = ["swiss-roll", "fashion-mnist-quick"];

    internal async Task QueueAsync(CancellationToken ct)
    {
        if (!options.Quickstart || (await runs.ListAsync(ct)).Count > 0)
        {
            return;
        }

        foreach (var preset in PresetNames.Select(name => Presets.Find(name) ?? throw new InvalidOperationException($"There is no preset '{name}'.")))
        {
            await runs.CreateAsync(new NewRun(preset.Title, preset.Spec, preset.Name, Priority: 0, CreatedBy: "quickstart"), ct);
        }
    }
}
