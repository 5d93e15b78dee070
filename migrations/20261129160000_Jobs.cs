using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>
/// Hangfire carries the work: a run knows the job of its episode, and what was leased in tables of its own (evaluations, checks
/// of data sets) is a work item. Hangfire's own schema is installed before this (<c>RunsDatabase.MigrateAsync</c>), and what
/// waits in an older database gets its jobs after it.
/// </summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261129160000_Jobs")]
public sealed class Jobs : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<long>(name: "job_id", table: "runs", type: "bigint", nullable: true);
        migrationBuilder.CreateIndex(name: "runs_job", table: "runs", column: "job_id", unique: true);
        migrationBuilder.CreateTable(
            name: "work_items",
            columns: table => new
            {
                id = table.Column<long>(type: "bigint", nullable: false)
                    .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                queue = table.Column<string>(type: "text", nullable: false),
                subject = table.Column<long>(type: "bigint", nullable: false),
                job_id = table.Column<long>(type: "bigint", nullable: false),
                run_id = table.Column<long>(type: "bigint", nullable: true),
                attempt = table.Column<int>(type: "integer", nullable: false),
                losses = table.Column<int>(type: "integer", nullable: false),
                lease_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                worker = table.Column<string>(type: "text", nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_work_items", x => x.id);
                table.ForeignKey("FK_work_items_runs_run_id", x => x.run_id, "runs", "id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex(name: "IX_work_items_job_id", table: "work_items", column: "job_id", unique: true);
        migrationBuilder.CreateIndex(name: "IX_work_items_run_id", table: "work_items", column: "run_id");
        migrationBuilder.CreateIndex(name: "IX_work_items_queue_subject", table: "work_items", columns: ["queue", "subject"], unique: true);

        // Nobody holds anything while the database is brought up to date: what ran then is taken up again.
        migrationBuilder.Sql("ALTER TABLE evaluation_jobs DROP CONSTRAINT evaluation_jobs_held_has_lease; UPDATE evaluation_jobs SET state = 'Queued' WHERE state = 'Running'; UPDATE datasets SET state = 'Queued' WHERE state = 'Checking';");
        foreach (var (table, columns) in new[] { ("evaluation_jobs", (string[])["attempt", "lease_until", "worker_id"]), ("datasets", ["attempt", "lease_until"]) })
        {
            foreach (var column in columns)
            {
                migrationBuilder.DropColumn(name: column, table: table);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropTable(name: "work_items");
        migrationBuilder.DropIndex(name: "runs_job", table: "runs");
        migrationBuilder.DropColumn(name: "job_id", table: "runs");
        foreach (var table in (string[])["evaluation_jobs", "datasets"])
        {
            migrationBuilder.AddColumn<int>(name: "attempt", table: table, type: "integer", nullable: false, defaultValue: 0);
            migrationBuilder.AddColumn<DateTimeOffset>(name: "lease_until", table: table, type: "timestamp with time zone", nullable: true);
        }

        migrationBuilder.AddColumn<Guid>(name: "worker_id", table: "evaluation_jobs", type: "uuid", nullable: true);
        migrationBuilder.Sql("UPDATE evaluation_jobs SET state = 'Queued' WHERE state = 'Running'; UPDATE datasets SET state = 'Queued' WHERE state = 'Checking'; ALTER TABLE evaluation_jobs ADD CONSTRAINT evaluation_jobs_held_has_lease CHECK ((state = 'Running') = (lease_until IS NOT NULL));");
    }
}
