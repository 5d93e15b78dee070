using SmtWeb.Data.Text;
using SmtWeb.Web.Cli;

// names of files, classes, runs and accounts come from others, in answers and in logs: none of them commands the terminal
Console.SetOut(new PlainWriter(Console.Out));
Console.SetError(new PlainWriter(Console.Error));
return await CommandTable.Create().RunAsync(args);
