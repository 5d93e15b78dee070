using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SmtWeb.Runs;
using SmtWeb.TestTrainer;
using SmtWeb.Worker;
using SmtWeb.Worker.Datasets;
using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Training;

// `train --run N --attempt A`: a trainer.
if (args is ["train", "--run", var run, "--attempt", var attempt])
{
    return await new TrainCommand(long.Parse(run), int.Parse(attempt), CountingBody.Run).RunAsync(Console.OpenStandardInput());
}

if (args is ["dataset", "check", var path, "--events", "--side", var side, .. var rest])
{
    return DatasetCheckRun.Run(
        new(path, "", int.Parse(side), rest.Contains("--skip-corrupt"), CheckOutput.Events, null),
        Console.Out,
        Console.Error,
        false,
        CancellationToken.None
    );
}

// `train --rank R --of N --meet HOST:PORT --threads T`: a further process of such a trainer's run.
if (args is ["train", "--rank", var rank, "--of", var size, "--meet", var meet, "--threads", var threads])
{
    SmtWeb.Smt.Session.RankProcess.Run(Console.In, Console.Out, int.Parse(rank), int.Parse(size), meet, int.Parse(threads));
    return 0;
}

if (args is ["evaluate", "--job", var job, "--attempt", var turn])
{
    return await EvaluationCommand.RunAsync(long.Parse(job), int.Parse(turn), Console.OpenStandardInput());
}

if (args is ["neighbours", "--job"])
{
    return await NeighbourCommand.RunAsync(Console.OpenStandardInput(), Console.Out);
}

// `work LEASE SLOTS`: a worker of such trainers; the connection string is its first input line.
string connection = Console.ReadLine() ?? throw new InvalidOperationException("No connection string.");
var builder = Host.CreateApplicationBuilder();
builder.Logging.SetMinimumLevel(Microsoft.Extensions.Logging.LogLevel.Warning);
builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromMinutes(2));
builder.Services.AddSmtWebRuns(connection);
builder.Services.AddRunWorker(
    new WorkerOptions
    {
        ConnectionString = connection,
        Lease = TimeSpan.FromSeconds(args.Length > 1 ? double.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 60),
        Slots = args.Length > 2 ? int.Parse(args[2]) : 1,
        TrainerProgram = [Environment.ProcessPath!],
    }
);
await builder.Build().RunAsync();
return 0;
