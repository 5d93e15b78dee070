using SmtWeb.Runs.Database;

namespace SmtWeb.Chaos;

/// <summary>What befalls a lab, each with its name in the log.</summary>
internal sealed class Disturbances(Lab lab, Random random, TimeSpan freeze)
{
    /// <summary>Does one of those that are possible here; returns its name when it is over.</summary>
    public async Task<string> NextAsync()
    {
        var possible = new List<(string Name, Func<Task> Do)>
        {
            ("SIGKILL of a trainer", () => OfATrainer(id => Quietly(() => System.Diagnostics.Process.GetProcessById(id).Kill()))),
            ("SIGKILL of a trainer", () => OfATrainer(id => Quietly(() => System.Diagnostics.Process.GetProcessById(id).Kill()))),
            ("SIGSTOP of a trainer", () => OfATrainer(id => Node.FreezeAsync(id, Moment(freeze.TotalSeconds)))),
            ("SIGKILL of a worker", () => Quietly(Worker().Kill)),
            ("SIGSTOP of a worker", () => Worker().FreezeAsync(Moment(freeze.TotalSeconds))),
            ("power cut of PostgreSQL", PowerCutAsync),
            ("end of all connections", EndConnectionsAsync),
        };
        if (lab.Site is { } site)
        {
            possible.Add(("SIGKILL of the site", () => Quietly(site.Kill)));
        }

        if (lab.Disk is { } disk)
        {
            possible.Add(("full disk", () => FullDiskAsync(disk)));
        }

        if (lab.Island is { } island)
        {
            possible.Add(("cut cable", () => CutAsync(island)));
        }

        var (name, act) = possible[random.Next(possible.Count)];
        await act();
        return name;
    }

    private Node Worker() => lab.Workers[random.Next(lab.Workers.Count)];

    private TimeSpan Moment(double most) => TimeSpan.FromSeconds(0.2 + (random.NextDouble() * most));

    private Task OfATrainer(Func<int, Task> act)
    {
        var trainers = lab.Workers.SelectMany(w => w.Children()).ToList();
        return trainers.Count == 0 ? Task.CompletedTask : act(trainers[random.Next(trainers.Count)]);
    }

    private async Task PowerCutAsync()
    {
        await lab.Postgres.LeaveAsync();
        await Task.Delay(Moment(Math.Min(3, freeze.TotalSeconds)));
        await lab.Postgres.ReturnAsync();
    }

    private async Task EndConnectionsAsync()
    {
        await using var command = lab.Database.Source.CreateCommand(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        );
        await PostgresFaults.RetryAsync(() => command.ExecuteNonQueryAsync(), TimeSpan.FromMinutes(1), CancellationToken.None);
    }

    private async Task FullDiskAsync(Disk disk)
    {
        await disk.FillAsync();
        await Task.Delay(Moment(Math.Min(3, freeze.TotalSeconds)));
        disk.Clear();
        // PostgreSQL gives up when it has no room for its log; whoever makes room starts it again
        await lab.Postgres.ReturnAsync();
    }

    private async Task CutAsync(Island island)
    {
        await island.CutAsync();
        await Task.Delay(Moment(freeze.TotalSeconds));
        await island.MendAsync();
    }

    // It may have ended by itself a moment ago.
    private static Task Quietly(Action act)
    {
        try
        {
            act();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or System.ComponentModel.Win32Exception)
        {
            // see above
        }

        return Task.CompletedTask;
    }
}
