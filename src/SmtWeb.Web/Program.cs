using SmtWeb.Web.Commands;

return await new CommandTable(
    new ServeCommand(),
    new TrainCommand(),
    new Fig5Command(),
    new SampleCommand(),
    new ImportCommand(),
    new ExportCommand(),
    new DatasetCommand(),
    new EvaluateCommand(),
    new StatsCommand(),
    new NeighboursCommand()).RunAsync(args);
