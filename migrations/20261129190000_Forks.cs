using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>Where a run was forked, and from which iteration on its numbers were not finite.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261129190000_Forks")]
public sealed class Forks : Migration
{
    private static readonly string[] Columns = ["parent_run_id", "forked_at", "first_bad_iteration"];

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        foreach (var column in Columns)
        {
            migrationBuilder.AddColumn<long>(name: column, table: "runs", type: "bigint", nullable: true);
        }
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        foreach (var column in Columns)
        {
            migrationBuilder.DropColumn(name: column, table: "runs");
        }
    }
}
