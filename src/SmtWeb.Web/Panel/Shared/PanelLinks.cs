namespace SmtWeb.Web.Panel.Shared;

/// <summary>Addresses of what the panel shows but other rooms serve.</summary>
public static class PanelLinks
{
    /// <summary>A picture as PNG.</summary>
    public static string Picture(long run, long picture) => $"/api/v1/runs/{run}/pictures/{picture}.png";

    /// <summary>Real samples of a data set; another check makes another address, so that nobody sees an old picture.</summary>
    public static string DatasetSamples(long dataset, DateTimeOffset? at) =>
        $"/api/v1/datasets/{dataset}/samples.png?at={at?.ToUnixTimeMilliseconds() ?? 0}";

    /// <summary>A checkpoint as safetensors.</summary>
    public static string Checkpoint(long run, long checkpoint) => $"/api/v1/runs/{run}/checkpoints/{checkpoint}";

    /// <summary>The form of a run that goes on from a checkpoint.</summary>
    public static string Fork(long run, long checkpoint) => $"/runs/new?fork={run}&checkpoint={checkpoint}";

    /// <summary>An imported model as safetensors.</summary>
    public static string Model(string name) => $"/api/v1/models/{Uri.EscapeDataString(name)}/file";

    /// <summary>Metrics for spreadsheets.</summary>
    public static string MetricsCsv(long run) => $"/api/v1/runs/{run}/metrics?format=csv";

    /// <summary>Curves in the panel's binary frames.</summary>
    public static string Curves(long run) => $"/panel/runs/{run}/curves";
}
