using SmtWeb.Web.Commands;

return await new CommandTable(
    new ServeCommand(),
    new TrainCommand(),
    new SampleCommand()).RunAsync(args);
