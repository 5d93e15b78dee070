using SmtWeb.Web.Commands;

return await new CommandTable(
    new ServeCommand()).RunAsync(args);
