using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>The queue of evaluations, and which evaluations rank a run's checkpoints.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261122075000_EvaluationJobs")]
public sealed class EvaluationJobs : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<bool>(name: "ranks", table: "evaluations", type: "boolean", nullable: false, defaultValue: true);
        migrationBuilder.CreateTable(
            name: "evaluation_jobs",
            columns: table => new
            {
                id = table.Column<long>(type: "bigint", nullable: false)
                    .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                attempt = table.Column<int>(type: "integer", nullable: false),
                checkpoint_id = table.Column<long>(type: "bigint", nullable: false),
                created = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                created_by = table.Column<string>(type: "text", nullable: false),
                ended = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                evaluation_id = table.Column<long>(type: "bigint", nullable: true),
                iteration = table.Column<long>(type: "bigint", nullable: false),
                lease_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                problem = table.Column<string>(type: "text", nullable: true),
                progress = table.Column<double>(type: "double precision", nullable: false),
                progress_text = table.Column<string>(type: "text", nullable: true),
                protocol = table.Column<string>(type: "text", nullable: false),
                ranks = table.Column<bool>(type: "boolean", nullable: false),
                run_id = table.Column<long>(type: "bigint", nullable: false),
                started = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                state = table.Column<string>(type: "text", nullable: false),
                worker_id = table.Column<Guid>(type: "uuid", nullable: true)
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_evaluation_jobs", x => x.id);
                table.ForeignKey(
                    name: "FK_evaluation_jobs_runs_run_id",
                    column: x => x.run_id,
                    principalTable: "runs",
                    principalColumn: "id",
                    onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex(name: "IX_evaluation_jobs_run_id_id", table: "evaluation_jobs", columns: ["run_id", "id"]);
        migrationBuilder.CreateIndex(name: "evaluation_jobs_open", table: "evaluation_jobs", column: "checkpoint_id", filter: "state IN ('Queued', 'Running')");

        // As for runs: an evaluation is held exactly while it has a lease.
        migrationBuilder.Sql("ALTER TABLE evaluation_jobs ADD CONSTRAINT evaluation_jobs_held_has_lease CHECK ((state = 'Running') = (lease_until IS NOT NULL));");
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropTable(name: "evaluation_jobs");
        migrationBuilder.DropColumn(name: "ranks", table: "evaluations");
    }
}
