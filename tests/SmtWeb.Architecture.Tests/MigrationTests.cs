using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Architecture.Tests;

/// <summary>The migrations produce the model of the code. No database is needed to compare them.</summary>
public sealed class MigrationTests
{
    [Fact]
    public void Model_Migrations_AreUpToDate()
    {
        using var context = Context();
        Assert.False(
            context.Database.HasPendingModelChanges(),
            "The model changed: EfDesign=true dotnet ef migrations add NAME -p migrations"
        );
    }

    [Fact]
    public void Migrations_Names_GrowWithTime()
    {
        using var context = Context();
        var names = context.Database.GetMigrations().ToList();
        Assert.NotEmpty(names);
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
    }

    private static SmtWebDbContext Context() =>
        new(
            new DbContextOptionsBuilder<SmtWebDbContext>()
                .UseNpgsql("Host=/nowhere", npgsql => npgsql.MigrationsAssembly(RunsDatabase.MigrationsAssembly))
                .Options
        );
}
