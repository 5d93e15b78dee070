using SmtWeb.Web.Commands;

return await CommandTable.Create().RunAsync(args);
