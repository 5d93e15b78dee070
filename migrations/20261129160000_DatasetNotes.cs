using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>What the check of a data set found that a person should know: files passed over, pixels changed.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261129160000_DatasetNotes")]
public sealed class DatasetNotes : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.AddColumn<string[]>(name: "notes", table: "datasets", type: "text[]", nullable: false, defaultValueSql: "'{}'");

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.DropColumn(name: "notes", table: "datasets");
}
