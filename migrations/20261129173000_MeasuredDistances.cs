using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>
/// A checkpoint's distance is its own: earlier programs wrote that of the last evaluation before it, and "best" was chosen by it.
/// </summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261129173000_MeasuredDistances")]
public sealed class MeasuredDistances : Migration
{
    /// <summary>Takes the distance from checkpoints at whose iteration nothing was measured.</summary>
    public const string Statement =
        """
        UPDATE checkpoints c SET distance = NULL WHERE distance IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM evaluations e WHERE e.run_id = c.run_id AND e.iteration = c.iteration AND e.ranks)
        """;

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(Statement);

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        // what was not true is not brought back
    }
}
