using SmtWeb.Web.Commands;

return await new CommandTable(
    new ServeCommand(),
    new TrainCommand()).RunAsync(args);
