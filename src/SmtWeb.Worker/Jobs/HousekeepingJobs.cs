using Hangfire.Common;
using SmtWeb.Runs.People;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Jobs;

/// <summary>A recurring job and when it is due (cron, UTC).</summary>
internal sealed record HousekeepingTask(string Id, Job Job, string Cron)
{
    public static IReadOnlyList<HousekeepingTask> All { get; } =
    [
        new("repair-jobs", Job.FromExpression<IHousekeepingJobs>(jobs => jobs.RepairAsync()), Hangfire.Cron.Minutely()),
        new("expire", Job.FromExpression<IHousekeepingJobs>(jobs => jobs.ExpireAsync()), Hangfire.Cron.Hourly()),
    ];
}

/// <summary>Housekeeping: the parts of it are where what they clean is.</summary>
internal sealed class HousekeepingJobs(JobUpkeep upkeep, Housekeeping people) : IHousekeepingJobs
{
    public Task<string> RepairAsync() => upkeep.RepairAsync();

    public async Task<string> ExpireAsync()
    {
        await people.PurgeAsync();
        return await upkeep.ExpireAsync();
    }
}
