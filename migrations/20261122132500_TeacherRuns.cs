using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>The run that a distillation waits for, as a column that the queue can read.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261122132500_TeacherRuns")]
public sealed class TeacherRuns : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<long>(name: "teacher_run_id", table: "runs", type: "bigint", nullable: true);
        migrationBuilder.CreateIndex(name: "runs_teacher", table: "runs", column: "teacher_run_id", filter: "teacher_run_id IS NOT NULL");
        migrationBuilder.Sql(
            """
            UPDATE runs SET teacher_run_id = ltrim(spec #>> '{method,teacher}', '#')::bigint
            WHERE method = 'smd' AND spec #>> '{method,teacher}' ~ '^#*[0-9]{1,18}$'
            """);
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropIndex(name: "runs_teacher", table: "runs");
        migrationBuilder.DropColumn(name: "teacher_run_id", table: "runs");
    }
}
