using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>Lets <c>dotnet ef migrations add</c> build the model; it never connects.</summary>
internal sealed class DesignTimeContextFactory : IDesignTimeDbContextFactory<SmtWebDbContext>
{
    public SmtWebDbContext CreateDbContext(string[] args) => new(new DbContextOptionsBuilder<SmtWebDbContext>()
        .UseNpgsql("Host=/nowhere", npgsql => npgsql.MigrationsAssembly(RunsDatabase.MigrationsAssembly)).Options);
}
